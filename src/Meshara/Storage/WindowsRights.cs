using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;

namespace Meshara.Storage;

/// <summary>The access control lists behind <see cref="FileRights"/>. Written after the documentation of FileSystemAclExtensions.</summary>
[SupportedOSPlatform("windows")]
internal static class WindowsRights
{
    private const FileSystemRights Writing =
        FileSystemRights.WriteData | FileSystemRights.AppendData | FileSystemRights.Delete
        | FileSystemRights.DeleteSubdirectoriesAndFiles | FileSystemRights.ChangePermissions | FileSystemRights.TakeOwnership;

    // Groups that stand for anybody who can log on; single users are somebody's decision.
    private static readonly WellKnownSidType[] Anybody =
        [WellKnownSidType.WorldSid, WellKnownSidType.AuthenticatedUserSid, WellKnownSidType.BuiltinUsersSid, WellKnownSidType.BuiltinGuestsSid, WellKnownSidType.AnonymousSid];

    public static FileStream CreatePrivate(string path)
    {
        FileSecurity security = new();
        Restrict(security, InheritanceFlags.None);
        return new FileInfo(path).Create(FileMode.CreateNew, FileSystemRights.Write | FileSystemRights.ReadPermissions, FileShare.None, 1, FileOptions.None, security);
    }

    public static void CreatePrivateDirectory(string path)
    {
        if (Directory.Exists(path))
            return;

        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
            Directory.CreateDirectory(parent);

        DirectorySecurity security = new();
        Restrict(security, InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit);
        new DirectoryInfo(path).Create(security);
    }

    public static bool IsShared(FileStream file) => Grants(file.GetAccessControl(), FileSystemRights.ReadData | Writing);

    public static bool IsWritableByOthers(FileStream file) => Grants(file.GetAccessControl(), Writing);

    public static bool IsDirectoryWritableByOthers(string path) => Grants(new DirectoryInfo(path).GetAccessControl(), Writing);

    private static void Restrict(FileSystemSecurity security, InheritanceFlags inheritance)
    {
        using WindowsIdentity user = WindowsIdentity.GetCurrent();
        security.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        SecurityIdentifier[] allowed =
        [
            user.User ?? throw new UnauthorizedAccessException("The current user has no security identifier."),
            new(WellKnownSidType.LocalSystemSid, null),
            new(WellKnownSidType.BuiltinAdministratorsSid, null),
        ];
        foreach (SecurityIdentifier sid in allowed)
        {
            security.AddAccessRule(new FileSystemAccessRule(
                sid, FileSystemRights.FullControl, inheritance, PropagationFlags.None, AccessControlType.Allow));
        }
    }

    private static bool Grants(FileSystemSecurity security, FileSystemRights rights)
    {
        foreach (FileSystemAccessRule rule in security.GetAccessRules(includeExplicit: true, includeInherited: true, typeof(SecurityIdentifier)))
        {
            if (rule.AccessControlType == AccessControlType.Allow
                && (rule.PropagationFlags & PropagationFlags.InheritOnly) == PropagationFlags.None
                && (rule.FileSystemRights & rights) != default
                && rule.IdentityReference is SecurityIdentifier sid
                && Array.Exists(Anybody, sid.IsWellKnown))
            {
                return true;
            }
        }

        return false;
    }
}
