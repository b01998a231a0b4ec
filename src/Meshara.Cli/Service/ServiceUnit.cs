using System.Text;

namespace Meshara.Cli.Service;

/// <summary>The text of a systemd unit that runs <c>meshara run</c> (systemd.service(5), systemd.exec(5)).</summary>
internal sealed record ServiceUnit
{
    /// <summary>The first line; only a file that begins so is ever replaced or removed.</summary>
    public const string Marker = "# Written by 'meshara service install'. Run that again to change it; your own additions belong into a drop-in: systemctl edit";

    // Each closes something that a node does not need. AF_NETLINK: the framework lists the interfaces through it.
    // MemoryDenyWriteExecute is missing: the just-in-time compiler writes code and runs it. @resources stays: the runtime raises its limit of descriptors.
    private const string Hardening =
        """
        NoNewPrivileges=yes
        ProtectSystem=strict
        ProtectHome=yes
        PrivateTmp=yes
        PrivateDevices=yes
        ProtectClock=yes
        ProtectHostname=yes
        ProtectKernelTunables=yes
        ProtectKernelModules=yes
        ProtectKernelLogs=yes
        ProtectControlGroups=yes
        RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
        RestrictNamespaces=yes
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        LockPersonality=yes
        RemoveIPC=yes
        SystemCallArchitectures=native
        SystemCallFilter=@system-service
        SystemCallFilter=~@privileged
        SystemCallErrorNumber=EPERM
        UMask=0077
        """;

    /// <summary>Name of the unit without <c>.service</c>; also of the state directory.</summary>
    public required string Name { get; init; }

    /// <summary>The program and what comes before its own arguments (<c>dotnet</c> and the assembly, or the executable alone).</summary>
    public required IReadOnlyList<string> Program { get; init; }

    /// <summary>Arguments of <c>meshara run</c>, checked already.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The data directory of a user's own service; null: a service of the system, with a user and a state directory of its own.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>Whether a port below 1024 is listened on.</summary>
    public bool NeedsLowPort { get; init; }

    private bool IsSystem => DataDirectory is null;

    /// <summary>The whole file.</summary>
    public string Format()
    {
        List<string> credentials = [];
        string[] words = [.. Program, "run", "--data", DataDirectory ?? $"%S/{Name}", .. Arguments];
        StringBuilder unit = new($"{Marker}\n");
        string command = string.Join(' ', words.Select((word, i) => Word(words, i, credentials)));
        unit.Append("[Unit]\nDescription=Meshara mesh node\nDocumentation=man:systemd.service(5)\nAfter=network.target\n\n[Service]\nType=exec\n");
        unit.Append("ExecStart=").Append(command).Append('\n');
        unit.Append("Restart=on-failure\nRestartSec=2\nTimeoutStopSec=15\nEnvironment=DOTNET_EnableDiagnostics=0\n");
        foreach (string credential in credentials)
        {
            unit.Append("LoadCredential=").Append(credential).Append('\n');
        }

        if (IsSystem)
        {
            string low = NeedsLowPort ? "CAP_NET_BIND_SERVICE" : "";
            unit.Append("DynamicUser=yes\nStateDirectory=").Append(Name).Append("\nStateDirectoryMode=0700\n");
            unit.Append("CapabilityBoundingSet=").Append(low).Append("\nAmbientCapabilities=").Append(low).Append('\n');
            unit.Append(Hardening).Append('\n');
        }
        else
        {
            // What a user's own manager may do is little: name spaces need privileges that it has not.
            unit.Append("NoNewPrivileges=yes\nLockPersonality=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\nUMask=0077\n");
        }

        return unit.Append("\n[Install]\nWantedBy=").Append(IsSystem ? "multi-user.target" : "default.target").Append('\n').ToString();
    }

    /// <summary>A word of ExecStart: quoted, and without meaning for systemd (systemd.service(5), "Command lines").</summary>
    public static string Escape(string word)
    {
        string escaped = word.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("%", "%%", StringComparison.Ordinal).Replace("$", "$$", StringComparison.Ordinal);
        return escaped.Length > 0 && !escaped.Any(static c => char.IsWhiteSpace(c) || c is ';' or '\'' or '"' or '\\') ? escaped : $"\"{escaped}\"";
    }

    // A service's own user cannot read a file of root's: systemd hands it over as a credential.
    private string Word(string[] words, int index, List<string> credentials)
    {
        string before = index > 0 ? words[index - 1] : "";
        if (IsSystem && before is "--secret-file" or "--passphrase-file")
        {
            string name = before[2..];
            credentials.Add($"{name}:{Path.GetFullPath(words[index]).Replace("%", "%%", StringComparison.Ordinal)}");
            return $"%d/{name}";
        }

        return IsSystem && before == "--data" ? words[index] : Escape(words[index]);
    }
}
