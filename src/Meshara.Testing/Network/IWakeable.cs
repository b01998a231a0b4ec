namespace Meshara.Testing.Network;

/// <summary>Something of a process that its system has news for; while the process is frozen or asleep the news wait.</summary>
internal interface IWakeable
{
    /// <summary>The process runs and hears of it.</summary>
    void WakeNow();
}
