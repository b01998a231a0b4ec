namespace Meshara.Testing.Checks;

/// <summary>A request is answered or fails within its time by its sender's clock; its reply is its own, and no handler sees it twice.</summary>
internal sealed class RequestCheck(SimulatedNetwork network, LinkBook links, Running.Tally counted) : NodeCheck(network, links)
{
    // A thawed node's timers fire one after the other; then it has had its time.
    private const int Looks = 3;

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly SortedDictionary<int, Request> _open = [];
    private readonly HashSet<int> _handled = [];
    private readonly Dictionary<(SimulatedNode From, SimulatedNode To), int> _failed = [];
    private int _last;

    public override string Name => "requests";

    /// <summary>A node is about to send a request; its number goes along.</summary>
    public int Begin(SimulatedNode from, SimulatedNode to, TimeSpan timeout)
    {
        _open.Add(++_last, new Request(from, from.Starts, to, timeout, from.Time, from.Time.GetTimestamp()));
        counted.Add("requests sent");
        return _last;
    }

    /// <summary>How many requests of one node to another have failed until now.</summary>
    public int Failed(SimulatedNode from, SimulatedNode to) => _failed.GetValueOrDefault((from, to));

    /// <summary>A handler has been given it.</summary>
    public void Handle(SimulatedNode at, int number)
    {
        if (!_handled.Add(number))
            Wrong($"{at} was given request {number} twice.", at);
    }

    /// <summary>It has been answered, or has failed.</summary>
    /// <param name="number">Which.</param>
    /// <param name="answered">Whether with a reply.</param>
    /// <param name="right">Whether that is the reply to it.</param>
    public void End(int number, bool answered, bool right)
    {
        if (!_open.Remove(number, out Request? request))
            return;

        counted.Add(answered ? "requests answered" : "requests failed");
        if (!answered)
            _failed[(request.From, request.To)] = Failed(request.From, request.To) + 1;
        if (answered && !right)
            Wrong($"{request.From} got a reply to request {number} from {request.To} that belongs to another.", request.From, request.To);
    }

    public override void OnEvent(SimulatedNode node, object what)
    {
        if (what is NodeFact.Gone)
        {
            foreach (int number in _open.Where(o => o.Value.From == node).Select(static o => o.Key).ToList())
                _open.Remove(number);
        }
    }

    public override void OnSecond()
    {
        foreach ((int number, Request request) in _open)
        {
            bool late = Running(request.From) is not null && request.From.Starts == request.Start && request.Time.GetElapsedTime(request.Began) > request.Timeout + Grace;
            request.Late = late ? request.Late + 1 : 0;
            if (request.Late == Looks)
            {
                Wrong($"Request {number} of {request.From} to {request.To} has neither an answer nor an end, {request.Timeout.TotalSeconds:F1} s were its time.", request.From, request.To);
                return;
            }
        }
    }

    private sealed class Request(SimulatedNode from, int start, SimulatedNode to, TimeSpan timeout, TimeProvider time, long began)
    {
        public SimulatedNode From => from;

        public int Start => start;

        public SimulatedNode To => to;

        public TimeSpan Timeout => timeout;

        public TimeProvider Time => time;

        public long Began => began;

        public int Late { get; set; }
    }
}
