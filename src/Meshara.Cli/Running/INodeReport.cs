using Meshara.Cli.Control;

namespace Meshara.Cli.Running;

/// <summary>How <c>meshara run</c> tells what happens: for people, or as JSON lines.</summary>
internal interface INodeReport
{
    void Started(Node node, NodeFacts facts);

    void Happened(PeerEvent happened);

    void Received(Message message);

    /// <summary>Tells what was drawn together and is due. May be called at any time; with <paramref name="all"/>, everything.</summary>
    void TellDue(bool all = false);

    /// <summary>The configuration file has changed: what became of each option that is another one.</summary>
    void Reconfigured(IReadOnlyList<OptionChange> changes);

    /// <summary>The configuration file has changed where an option of the command or a variable goes over it.</summary>
    void PassedOver(IReadOnlyList<PassedOver> options);

    /// <summary>The configuration file has changed and cannot be used; the node goes on with the options that it has.</summary>
    void ConfigurationFailed(string why);

    /// <summary>The configuration file can be used again.</summary>
    void ConfigurationMended();

    void Stopped();
}
