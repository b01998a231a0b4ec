using Meshara.Testing.Running;

namespace Meshara.Testing.Checks;

/// <summary>What holds in every mesh, whatever its programs do and however they are configured: at most one link a pair, no link with an id that was not proven, no limit exceeded. Each network has it.</summary>
internal sealed class EssentialChecks : ISimulationCheck
{
    private readonly LinkBook _links;
    private readonly OneLinkCheck _oneLink;
    private readonly VerifiedIdCheck _verified;
    private readonly LimitsCheck _limits;

    public EssentialChecks(SimulatedNetwork network, SimulationRun? run)
    {
        _links = new LinkBook(network);
        if (run is not null)
            run.NeighboursOf = _links.NeighboursOf;
        _oneLink = new OneLinkCheck(network, _links);
        _verified = new VerifiedIdCheck(network, _links);
        _limits = new LimitsCheck(network, _links) { CountsInbound = false };
    }

    public void OnEvent(SimulatedNode node, object what)
    {
        if (what is not NodeFact fact)
            return;

        _links.Take(node, fact);
        _oneLink.OnEvent(node, fact);
        _verified.OnEvent(node, fact);
        _limits.OnEvent(node, fact);
    }

    // How long a link may be one-sided depends on the timeouts that a program chose: that is for the swarm.
    public void OnSecond()
    {
        _verified.OnSecond();
        _limits.OnSecond();
    }

    public IEnumerable<Violation> AtEnd() => [];
}
