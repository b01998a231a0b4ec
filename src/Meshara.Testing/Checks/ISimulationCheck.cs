namespace Meshara.Testing.Checks;

/// <summary>Watches a whole run and says what must never happen. Called on the simulation's one thread.</summary>
internal interface ISimulationCheck
{
    /// <summary>A node did something: a <see cref="NodeFact"/>. A violation is given to <see cref="SimulatedNetwork.Violated"/>.</summary>
    void OnEvent(SimulatedNode node, object what);

    /// <summary>A virtual second has passed and the node has nothing to do at this moment.</summary>
    void OnSecond();

    /// <summary>The scenario has come to its end; the nodes are still there.</summary>
    IEnumerable<Violation> AtEnd();
}
