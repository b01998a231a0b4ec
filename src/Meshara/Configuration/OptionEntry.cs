using System.Runtime.CompilerServices;

namespace Meshara.Configuration;

/// <summary>One option of a node: its name, and how it is read, shown, compared and carried over.</summary>
/// <param name="name">As in code: <c>Discovery.TargetPeers</c>.</param>
internal abstract class OptionEntry(string name)
{
    /// <summary>As in code: <c>Discovery.TargetPeers</c>.</summary>
    public string Name { get; } = name;

    /// <summary>Why it cannot change while the node runs; null: it can.</summary>
    public string? Fixed { get; init; }

    /// <summary>A secret: its value is never shown.</summary>
    public bool IsSecret { get; init; }

    /// <summary>Whether a configuration can have it; others are objects of code.</summary>
    public abstract bool IsReadable { get; }

    /// <summary>Whether several values make one.</summary>
    public abstract bool IsList { get; }

    /// <summary>The options with what these texts say.</summary>
    /// <param name="texts">One, or of a list any number.</param>
    /// <param name="options">The others.</param>
    /// <exception cref="FormatException">What is wrong with them, without the value.</exception>
    /// <exception cref="OverflowException">A number that no option of this type can have; the message is what one can have.</exception>
    public abstract NodeOptions Read(IReadOnlyList<string> texts, NodeOptions options);

    /// <summary>The options with a value that is below every range; null: the type has no ranges.</summary>
    public abstract NodeOptions? Outside(NodeOptions options);

    /// <summary><paramref name="into"/>, with this option's value of <paramref name="from"/>.</summary>
    public abstract NodeOptions Copy(NodeOptions from, NodeOptions into);

    public abstract bool IsSame(NodeOptions a, NodeOptions b);

    /// <summary>The value, for people.</summary>
    public abstract string Show(NodeOptions options);
}

/// <summary>An option of one type.</summary>
internal sealed class OptionEntry<T>(string name, OptionKind<T> kind, Func<NodeOptions, T> get, Func<NodeOptions, T, NodeOptions> set) : OptionEntry(name)
{
    public override bool IsReadable => kind.Read is not null;

    public override bool IsList => kind.IsList;

    public override NodeOptions Read(IReadOnlyList<string> texts, NodeOptions options) => set(options, kind.Read!(texts));

    public override NodeOptions? Outside(NodeOptions options) => kind.Outside is { } outside ? set(options, outside.Value!) : null;

    public override NodeOptions Copy(NodeOptions from, NodeOptions into) => set(into, get(from));

    public override bool IsSame(NodeOptions a, NodeOptions b) => kind.Same(get(a), get(b));

    public override string Show(NodeOptions options) => get(options) is not { } value ? "none" : IsSecret ? "(hidden)" : kind.Show(value);
}

/// <summary>What values of a type look like.</summary>
/// <param name="Read">From texts; throws <see cref="FormatException"/> with what is allowed. Null: only code can give such a value.</param>
/// <param name="Same">Whether a change from one to the other is none.</param>
/// <param name="Show">For people, and as <paramref name="Read"/> takes it.</param>
internal sealed record OptionKind<T>(Func<IReadOnlyList<string>, T>? Read, Func<T, T, bool> Same, Func<T, string> Show)
{
    public bool IsList { get; init; }

    /// <summary>A value that is below every range; null: the type has no ranges.</summary>
    public StrongBox<T>? Outside { get; init; }
}
