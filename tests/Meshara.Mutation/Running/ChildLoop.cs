using System.Reflection;

namespace Meshara.Mutation.Running;

/// <summary>The process that runs tests: it reads one order a line and answers on its output, until its input ends or it is killed.</summary>
internal sealed class ChildLoop
{
    private readonly Assembly _changed;
    private readonly FieldInfo _active;
    private readonly FieldInfo _fired;
    private readonly byte[] _seen;
    private readonly TextWriter _out;
    private IReadOnlyList<TestCase> _tests = [];

    private ChildLoop(Assembly changed, int sites, TextWriter output)
    {
        _changed = changed;
        _out = output;
        Type control = changed.GetType(Sites.Switch.TypeName, true)!;
        _active = control.GetField("Active")!;
        _fired = control.GetField("Fired")!;
        _seen = new byte[sites];
        control.GetField("Seen")!.SetValue(null, _seen);
    }

    /// <summary>Arguments: the folder, the changed assembly, the one with the tests, how many sites there are, namespaces with tests.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        TextWriter output = Console.Out;
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        WorkContext context = new(args[0]);
        Assembly changed = context.LoadFromAssemblyPath(Path.Combine(args[0], args[1]));
        // Before any code of the tests: the changed assembly writes to what this sets.
        ChildLoop loop = new(changed, int.Parse(args[3]), output);
        loop._tests = TestFinder.Find(context.LoadFromAssemblyPath(Path.Combine(args[0], args[2])), args[4..]);
        loop.Say($"ready\t{loop._tests.Count}");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            string[] words = line.Split('\t');
            if (words[0] == "record")
                await loop.RecordAsync(words[1].Split(',').Select(int.Parse));
            else
                await loop.TryAsync(int.Parse(words[1]), words[2], words[3].Split(',').Select(int.Parse));
        }

        return 0;
    }

    private void Say(string line)
    {
        _out.WriteLine(line.Replace('\n', ' ').Replace('\r', ' '));
        _out.Flush();
    }

    /// <summary>Which sites each test meets, how long it takes, and that it passes.</summary>
    private async Task RecordAsync(IEnumerable<int> tests)
    {
        foreach (int test in tests)
        {
            Say($"start\t{test}");
            Array.Clear(_seen);
            // Processor time: others may use the machine too.
            TimeSpan before = Environment.CpuUsage.TotalTime;
            Outcome outcome = await _tests[test].RunAsync();
            double ms = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
            Say(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"saw\t{test}\t{_tests[test].Name}\t{ms:F1}\t{(outcome.Skipped ? "skipped" : outcome.Why ?? "passed")}\t{Convert.ToBase64String(Packed())}"));
        }

        Say("end");
    }

    private byte[] Packed()
    {
        byte[] packed = new byte[(_seen.Length + 7) / 8];
        for (int i = 0; i < _seen.Length; i++)
            if (_seen[i] != 0)
                packed[i / 8] |= (byte)(1 << (i % 8));
        return packed;
    }

    /// <summary>Turns a mutant on and runs tests until one fails; that one must pass again without the mutant.</summary>
    private async Task TryAsync(int mutant, string initializer, IEnumerable<int> tests)
    {
        foreach (int test in tests)
        {
            Say($"start\t{test}");
            Set(mutant, initializer);
            Outcome outcome = await _tests[test].RunAsync();
            Set(0, initializer);
            if (outcome.Why is null)
                continue;
            Outcome without = await _tests[test].RunAsync();
            Say(without.Why is null ? $"killed\t{test}\t{outcome.Why}" : $"unsure\t{test}\t{without.Why}");
            return;
        }

        Say("survived");
    }

    private void Set(int mutant, string initializer)
    {
        _active.SetValue(null, mutant);
        _fired.SetValue(null, 0);
        if (initializer.Length == 0)
            return;
        // What the static constructor does is done again, with the mutant and then without; its fields are not read-only in the copy.
        _changed.GetType(initializer, true)!.GetMethod(Sites.Rewriter.Again)!.Invoke(null, null);
    }
}
