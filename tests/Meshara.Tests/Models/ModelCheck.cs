using System.Globalization;
using System.Reflection;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;
using Xunit;
using Xunit.Sdk;

namespace Meshara.Tests.Models;

/// <summary>The code under test and, beside it, the model that it must agree with.</summary>
/// <typeparam name="TCommand">The base of one record for each kind of command: a record prints itself.</typeparam>
internal interface IModelled<in TCommand>
{
    /// <summary>Does the command with both and compares; throws where they differ.</summary>
    /// <returns>False: it makes no sense now, and nothing was done.</returns>
    ValueTask<bool> TryDoAsync(TCommand command);

    /// <summary>Compares what can be compared only at the end.</summary>
    ValueTask EndAsync() => ValueTask.CompletedTask;
}

/// <summary>Runs random lists of commands against a model and, when they differ, looks for the shortest list that still shows it.</summary>
/// <remarks>
/// Not FsCheck.Experimental.Machine: it keeps a model for each step, so that models must be immutable; it goes on after the step that failed; and its
/// shrinking leaves out neighbours only. From FsCheck are the generators, the seeds and the search for the smallest.
/// <para>The seed stands in the test; see <see cref="Seeded"/>.</para>
/// </remarks>
/// <typeparam name="TCommand">See <see cref="IModelled{TCommand}"/>.</typeparam>
/// <param name="commands">Any command.</param>
/// <param name="start">A new world, empty.</param>
internal sealed class ModelCheck<TCommand>(Gen<TCommand> commands, Func<IModelled<TCommand>> start)
    where TCommand : class
{
    // Of what takes long to fail, something not quite the smallest will do.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly SortedDictionary<string, (int Done, int Refused)> _counts = new(StringComparer.Ordinal);
    private Failure? _first;
    private Failure? _smallest;
    private long? _firstAt;

    /// <summary>Lists of commands.</summary>
    public int Runs { get; init; } = 200;

    /// <summary>The most commands in one list.</summary>
    public int Longest { get; init; } = 100;

    /// <summary>Simpler forms of one command, each nearer to an end: a list of commands is made simpler until none of these fails.</summary>
    public Func<TCommand, IEnumerable<TCommand>> Simpler { get; init; } = static _ => [];

    /// <summary>Code and model agree, and each kind of command was done at least so often.</summary>
    public void Holds(ulong seed, int atLeast = 20)
    {
        seed = Seeded.Choose(seed);
        Run(seed);
        if (_smallest is not null)
        {
            Assert.Fail(Explain(seed));
        }

        TestContext.Current.TestOutputHelper?.WriteLine(CountsText());
        string[] rare = [.. Kinds.Where(kind => _counts.GetValueOrDefault(kind).Done < atLeast)];
        Assert.True(rare.Length == 0, $"Of seed {seed}, too few to find anything were done of {string.Join(", ", rare)}:\n{CountsText()}");
    }

    /// <summary>The world has a planted fault: it is found, and at most so many commands are left of the list that shows it.</summary>
    public void Finds(ulong seed, int atMost)
    {
        Run(seed);
        Assert.True(_smallest is not null, $"The planted fault was not found in {Runs} lists of seed {seed}.");
        TestContext.Current.TestOutputHelper?.WriteLine(Explain(seed));
        Assert.True(_smallest.Commands.Count <= atMost, $"{_smallest.Commands.Count} commands are left, more than {atMost}.\n{Explain(seed)}");
    }

    private void Run(ulong seed)
    {
        Gen<TCommand[]> lists = Gen.Choose(1, Longest).SelectMany(length => Gen.ArrayOf(commands, length));
        try
        {
            Prop.ForAll(Arb.From(lists, Shrink), HoldsAsync).Check(Seeded.Exactly(seed).WithMaxTest(Runs));
        }
        catch (Exception) when (_smallest is not null)
        {
            // What FsCheck says is said again, shorter.
        }
    }

    private async Task<bool> HoldsAsync(TCommand[] list)
    {
        List<TCommand> done = [];
        IModelled<TCommand> world = start();
        try
        {
            foreach (TCommand command in list)
            {
                done.Add(command);
                bool took = await world.TryDoAsync(command);
                Count(command, took);
                if (!took)
                {
                    done.RemoveAt(done.Count - 1);
                }
            }

            await world.EndAsync();
            return true;
        }
        catch (Exception error)
        {
            _smallest = new Failure(list, done, error);
            _first ??= _smallest;
            _firstAt ??= TimeProvider.System.GetTimestamp();
            return false;
        }
        finally
        {
            (world as IDisposable)?.Dispose();
        }
    }

    // While it looks for the smallest, nothing is counted: that would be the same few commands over and over.
    private void Count(TCommand command, bool took)
    {
        if (_first is null)
        {
            string kind = command.GetType().Name;
            (int did, int refused) = _counts.GetValueOrDefault(kind);
            _counts[kind] = took ? (did + 1, refused) : (did, refused + 1);
        }
    }

    // First without what was refused anyway or came after the failure, then without ever smaller pieces, then with simpler commands.
    private IEnumerable<TCommand[]> Shrink(TCommand[] list)
    {
        if (_firstAt is { } since && TimeProvider.System.GetElapsedTime(since) > Patience)
        {
            yield break;
        }

        if (_smallest is { } smallest && smallest.List == list && smallest.Commands.Count < list.Length)
        {
            yield return [.. smallest.Commands];
        }

        for (int piece = list.Length / 2; piece > 0; piece /= 2)
        {
            for (int at = 0; at < list.Length; at += piece)
            {
                yield return [.. list[..at], .. list[Math.Min(list.Length, at + piece)..]];
            }
        }

        for (int i = 0; i < list.Length; i++)
        {
            foreach (TCommand simpler in Simpler(list[i]))
            {
                yield return [.. list[..i], simpler, .. list[(i + 1)..]];
            }
        }
    }

    private string Explain(ulong seed)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"{_smallest!.Error.Message}");
        text.AppendLine(CultureInfo.InvariantCulture, $"after {_smallest.Commands.Count} commands, the smallest found of a list of {_first!.List.Length}:");
        for (int i = 0; i < _smallest.Commands.Count; i++)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {i + 1,3} {_smallest.Commands[i]}");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"again: {Seeded.Variable}={seed} dotnet test --filter {TestContext.Current.TestMethod?.MethodName}");
        return text.Append(_smallest.Error is XunitException ? "" : _smallest.Error.ToString()).ToString();
    }

    private string CountsText() =>
        string.Join('\n', _counts.Select(count => $"{count.Value.Done,8} {count.Key}{(count.Value.Refused > 0 ? $" ({count.Value.Refused} made no sense)" : "")}"));

    private static IEnumerable<string> Kinds => typeof(TCommand).GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic).Where(typeof(TCommand).IsAssignableFrom).Select(static type => type.Name);

    private sealed record Failure(TCommand[] List, List<TCommand> Commands, Exception Error);
}
