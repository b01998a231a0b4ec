using Xunit;

// Tests of processes and networks mostly wait: more of them go at once than there are cores.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]

namespace Meshara.Cli.Tests.Support;

/// <summary>The collection of tests in networks of their own: one after the other, beside those of <see cref="Child"/>.</summary>
internal static class Networks;

/// <summary>Tests that promise times and start so many processes that they take the whole machine: beside no other test.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
