namespace Meshara.Mdns;

/// <summary>The name under which a service can be found.</summary>
/// <param name="InstanceName">The name for people, with the number that was added because others have the name.</param>
/// <param name="HostName">The full name of its host, as <c>printer.local</c>.</param>
public sealed record ServicePublished(string InstanceName, string HostName);

/// <summary>A service had to take another name: somebody else on the network has it.</summary>
/// <param name="OldName">The instance name until now.</param>
/// <param name="NewName">The instance name from now on.</param>
public sealed record ServiceRenamed(string OldName, string NewName);
