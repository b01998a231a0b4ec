namespace Meshara.Testing.Checks;

/// <summary>How a message of the workload stands with its sender.</summary>
internal enum SentState
{
    /// <summary>The call has not ended.</summary>
    Open,

    /// <summary>It was accepted.</summary>
    Accepted,

    /// <summary>The other side's handler has returned.</summary>
    Acknowledged,

    /// <summary>The call has thrown.</summary>
    Failed,
}

/// <summary>A message arrives at most once, in the order in which it was sent over its link, whole, from whom it says, and what was acknowledged has arrived.</summary>
internal sealed class MessageCheck(SimulatedNetwork network, LinkBook links, Running.Tally counted) : NodeCheck(network, links)
{
    private readonly List<Sent> _sent = [];
    private readonly Dictionary<(SimulatedNode, int, SimulatedNode, long), List<int>> _order = [];

    public override string Name => "once-in-order";

    /// <summary>How many large messages of one node to another have not arrived: the receiver gives up those that make no progress.</summary>
    public int LargeMissing(SimulatedNode from, SimulatedNode to) => _sent.Count(s => s is { Large: true, Arrived: false } && s.From == from && s.To == to);

    /// <summary>A node is about to send a message; its number goes along.</summary>
    public int Begin(SimulatedNode from, SimulatedNode to, bool large)
    {
        int number = _sent.Count;
        Sent sent = new(from, from.Starts, to, Links.LastOf(from, to.Id), large);
        _sent.Add(sent);
        if (!_order.TryGetValue(sent.Line, out List<int>? line))
            _order.Add(sent.Line, line = []);
        line.Add(number);
        counted.Add("messages sent");
        return number;
    }

    /// <summary>The call has ended.</summary>
    public void End(int number, SentState state)
    {
        Sent sent = _sent[number];
        sent.State = state;
        if (state == SentState.Failed)
            counted.Add("messages refused or lost with their link");
        if (state == SentState.Acknowledged && !sent.Arrived)
            Wrong($"{sent.To} has acknowledged message {number} of {sent.From}, and no handler there has seen it.", sent.From, sent.To);
    }

    /// <summary>A handler has been given a message.</summary>
    public void Arrive(SimulatedNode at, NodeId from, int number)
    {
        if (number < 0 || number >= _sent.Count || _sent[number] is not { } sent || sent.From.Id != from || sent.To != at)
        {
            Wrong($"{at} was given message {number} from {Network.NameOf(from)}, who has not sent it there.", at);
            return;
        }

        if (sent.Arrived)
        {
            Wrong($"{at} was given message {number} of {sent.From} twice.", at, sent.From);
            return;
        }

        sent.Arrived = true;
        counted.Add("messages delivered");
        LookBack(sent, number);
    }

    /// <summary>A message did not come as it was sent.</summary>
    public void Garbled(SimulatedNode at, NodeId from, string how) => Wrong($"{at} was given a message from {Network.NameOf(from)} that is not as it was sent: {how}.", at);

    // All that was sent before it over the same link has arrived, or its call has failed.
    private void LookBack(Sent sent, int number)
    {
        List<int> line = _order[sent.Line];
        int place = line.BinarySearch(number);
        for (int i = place + 1; i < line.Count; i++)
        {
            if (_sent[line[i]].Arrived)
            {
                Wrong($"{sent.To} was given message {number} of {sent.From} after message {line[i]}, which was sent later over the same link.", sent.To, sent.From);
                return;
            }
        }

        for (int i = place - 1; i >= 0 && !_sent[line[i]].LookedAt; i--)
        {
            Sent before = _sent[line[i]];
            before.LookedAt = true;
            if (before.Arrived || before.State == SentState.Failed)
                continue;

            if (before.Large)
                counted.Add("large messages given up");
            else
                Wrong($"{sent.To} was given message {number} of {sent.From}, and never message {line[i]}, which was accepted before it on the same link.", sent.To, sent.From);
        }
    }

    private sealed class Sent(SimulatedNode from, int start, SimulatedNode to, long link, bool large)
    {
        public SimulatedNode From => from;

        public SimulatedNode To => to;

        public bool Large => large;

        /// <summary>Between the same processes, over the same link.</summary>
        public (SimulatedNode From, int Start, SimulatedNode To, long Link) Line => (from, start, to, link);

        public SentState State { get; set; }

        public bool Arrived { get; set; }

        public bool LookedAt { get; set; }
    }
}
