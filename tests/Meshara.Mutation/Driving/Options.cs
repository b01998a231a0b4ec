using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Meshara.Mutation.Sites;

namespace Meshara.Mutation.Driving;

/// <summary>What to try.</summary>
internal sealed record Options
{
    public string? Room { get; private init; }

    public int? Sample { get; private init; }

    public int Seed { get; private init; } = 20_261_121;

    public string? Only { get; private init; }

    public IReadOnlyDictionary<string, int>? Keys { get; private init; }

    public int Most { get; private init; } = int.MaxValue;

    public int Workers { get; private init; } = 2;

    public bool Deep { get; private init; }

    public bool List { get; private init; }

    public bool Verbose { get; private init; }

    /// <summary>Whether all mutants are tried.</summary>
    public bool IsWhole => Room is null && Sample is null && Only is null && Keys is null && Most == int.MaxValue;

    /// <summary>Null where the arguments make no sense.</summary>
    public static Options? Read(IReadOnlyList<string> args)
    {
        Options options = new();
        for (int i = 0; i < args.Count; i++)
        {
            string? value = i + 1 < args.Count ? args[i + 1] : null;
            switch (args[i])
            {
                case "--list":
                    options = options with { List = true };
                    continue;
                case "--deep":
                    options = options with { Deep = true };
                    continue;
                case "--verbose":
                    options = options with { Verbose = true };
                    continue;
                case "--room" when value is "Core" or "Wire" or "Security":
                    options = options with { Room = value };
                    break;
                case "--only" when value is not null:
                    options = options with { Only = value };
                    break;
                case "--keys" when value is not null:
                    options = options with { Keys = File.ReadLines(value).Distinct().Select(static (key, at) => (key, at)).ToDictionary(static k => k.key, static k => k.at) };
                    break;
                case "--most" when int.TryParse(value, out int most) && most > 0:
                    options = options with { Most = most };
                    break;
                case "--workers" when int.TryParse(value, out int workers) && workers is > 0 and <= 64:
                    options = options with { Workers = workers };
                    break;
                case "--sample" when int.TryParse(value, out int count) && count > 0:
                    options = options with { Sample = count };
                    break;
                case "--seed" when int.TryParse(value, out int seed):
                    options = options with { Seed = seed };
                    break;
                default:
                    return null;
            }

            i++;
        }

        return options;
    }

    /// <summary>The mutants that are asked for. A sample of one seed has the same mutants again as long as their own lines are the same.</summary>
    public IEnumerable<Mutant> Choose(IReadOnlyList<Mutant> all)
    {
        Mutant[] asked = [.. all.Where(m => (Room is null || m.Room == Room) && (Keys?.ContainsKey(m.Key) ?? true) && (Only is null || m.Key.Contains(Only, StringComparison.Ordinal) || m.Place.Contains(Only, StringComparison.Ordinal)))];
        if (Sample is not { } count)
            return Keys is null ? asked : asked.OrderBy(m => Keys[m.Key]);
        return asked.OrderBy(m => Draw(m.Key)).ThenBy(m => m.Id).Take(count).OrderBy(m => m.Id);
    }

    // By its key, not by its place among the others: a line more elsewhere must not draw all others anew.
    private ulong Draw(string key) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{Seed} {key}")));
}
