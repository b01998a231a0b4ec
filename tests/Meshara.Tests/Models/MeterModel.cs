using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>What a reader does with a meter of bytes or frames.</summary>
internal abstract record MeterCommand
{
    internal sealed record Spend(long Amount) : MeterCommand;

    internal sealed record Wait(long Ticks) : MeterCommand;

    /// <summary>As long as the meter says.</summary>
    internal sealed record WaitAsTold : MeterCommand;

    internal sealed record Slow : MeterCommand;

    public static Gen<MeterCommand> Any { get; } = Gen.Frequency(
        (6, Of(Amounts.Select(static amount => new Spend(amount)))),
        (4, Of(Times.Select(static ticks => new Wait(ticks)))),
        (2, Of(Gen.Constant(new WaitAsTold()))),
        (3, Of(Gen.Constant(new Slow()))));

    public static IEnumerable<MeterCommand> Simpler(MeterCommand command) => command switch
    {
        Spend { Amount: > 0 } spend => [new Spend(spend.Amount / 2), new Spend(spend.Amount - 1)],
        Wait { Ticks: > 0 } wait => [new Wait(wait.Ticks / 2), new Wait(wait.Ticks - 1)],
        _ => [],
    };

    private static Gen<long> Amounts => Gen.OneOf(Gen.Choose(0, 30).Select(static n => (long)n), Gen.Choose(0, 3000).Select(static n => (long)n), Gen.Elements(1L << 30, RateMeter.MaxRate, long.MaxValue));

    // From one tick to a hundred years.
    private static Gen<long> Times => Gen.OneOf(
        Gen.Choose(0, 100).Select(static n => (long)n),
        Gen.Choose(0, 3000).Select(static n => n * TimeSpan.TicksPerMillisecond),
        Gen.Elements(TimeSpan.TicksPerSecond, TimeSpan.TicksPerDay * 36_500));

    private static Gen<MeterCommand> Of<T>(Gen<T> commands)
        where T : MeterCommand => commands.Select(static command => (MeterCommand)command);
}

/// <summary>A meter beside its definition in whole numbers without an end: a bucket that holds so many, and gets so many a second.</summary>
/// <param name="rate">Tokens a second.</param>
/// <param name="burst">Tokens in a full bucket.</param>
/// <param name="losesTime">The planted fault: of each wait the meter sees half.</param>
internal sealed class MeterModel(long rate, long burst, bool losesTime = false) : IModelled<MeterCommand>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly RateMeter _meter = new(rate, burst, Patience, TimeSpan.Zero);
    private Int128 _level = (Int128)burst * TimeSpan.TicksPerSecond;
    private long _now;
    private long _seen;
    private long _at;
    private long? _slowedSince;
    private long _blameAt;

    public ValueTask<bool> TryDoAsync(MeterCommand command)
    {
        switch (command)
        {
            // A reader that was told to wait has read nothing meanwhile.
            case MeterCommand.Spend spend:
                Spend(_level < 0 ? 0 : spend.Amount);
                break;
            case MeterCommand.Wait wait:
                Pass(wait.Ticks);
                break;
            case MeterCommand.WaitAsTold when _meter.Wait > TimeSpan.Zero:
                Pass(_meter.Wait.Ticks);
                Spend(0);
                Assert.Equal(TimeSpan.Zero, _meter.Wait);
                break;
            case MeterCommand.Slow when _level < 0:
                Assert.Equal(Slow(), _meter.Slow());
                break;
            default:
                return ValueTask.FromResult(false);
        }

        // The least whole number of ticks after which nothing is owed.
        Int128 wait0 = _level >= 0 ? 0 : (-_level + rate - 1) / rate;
        Assert.Equal(((long)wait0, (long)Int128.Max(0, _level / TimeSpan.TicksPerSecond), _at - (_slowedSince ?? _at)), (_meter.Wait.Ticks, _meter.Left, _meter.SlowedFor.Ticks));
        return ValueTask.FromResult(true);
    }

    private void Pass(long ticks)
    {
        _now += ticks;
        _seen += losesTime ? ticks / 2 : ticks;
    }

    private void Spend(long amount)
    {
        _level = Int128.Min((Int128)burst * TimeSpan.TicksPerSecond, _level + ((Int128)(_now - _at) * rate));
        _at = _now;
        _slowedSince = _level >= (Int128)rate * TimeSpan.TicksPerSecond ? null : _slowedSince;
        _level -= (Int128)long.Min(amount, RateMeter.MaxRate) * TimeSpan.TicksPerSecond;
        _meter.Spend(amount, new TimeSpan(_seen));
    }

    private bool Slow()
    {
        _blameAt = _slowedSince is null ? _at + Patience.Ticks : _blameAt;
        _slowedSince ??= _at;
        bool blamed = _at >= _blameAt;
        _blameAt = blamed ? _at + Patience.Ticks : _blameAt;
        return blamed;
    }
}
