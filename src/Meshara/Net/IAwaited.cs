namespace Meshara.Net;

/// <summary>What arrived and somebody waits for: a request its handler, a reply its caller. Whoever it is, it is code of the application and never runs in the read loop.</summary>
internal interface IAwaited
{
    /// <summary>Hands it over on the pool.</summary>
    void Queue();

    /// <summary>Hands it over on this thread, which is one of the pool, with nothing left to do.</summary>
    void Run();
}
