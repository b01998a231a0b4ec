using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;
using Meshara.Security;

namespace Meshara.Storage;

/// <summary>The identity key on disk: PKCS#8 in PEM (RFC 5958, RFC 7468), encrypted or not, and the records of the keys before it.</summary>
internal static class IdentityFile
{
    private const string Plain = "PRIVATE KEY", Encrypted = "ENCRYPTED PRIVATE KEY", Sec1 = "EC PRIVATE KEY", Successor = "MESHARA SUCCESSOR";
    private const int MaxSize = 64 * 1024;
    private const string Damaged = "is truncated or damaged. Restore it from a backup.";
    private const string Missing = "does not exist, or is a link to nothing. Check the path.";
    private const string OnlyP256 = "An ECDSA key on P-256 in PEM (BEGIN PRIVATE KEY) is expected. Name the right file, or one that does not exist yet to have a key made.";

    // The number that OWASP's password storage cheat sheet asks of PBKDF2-HMAC-SHA256.
    private static readonly PbeParameters Encryption = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 600_000);

    /// <summary>Reads the key; never changes the file.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.IdentityFile"/> or <see cref="MesharaErrorCode.Passphrase"/>.</exception>
    public static NodeIdentity Read(string path, string? passphrase)
    {
        CheckPassphrase(path, passphrase);
        byte[] bytes = ReadBytes(path);
        char[] text = new char[bytes.Length];
        try
        {
            int length = Encoding.UTF8.GetChars(bytes, text);
            return Parse(path, text.AsSpan(0, length).TrimStart('\uFEFF'), passphrase);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
            Array.Clear(text);
        }
    }

    /// <summary>Writes the key to a new file; directories missing above it are created for the owner only.</summary>
    /// <returns>False: something exists at the path; it was left alone.</returns>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.IdentityFile"/> or <see cref="MesharaErrorCode.Passphrase"/>.</exception>
    public static bool TryCreate(string path, NodeIdentity identity, string? passphrase) => Write(path, identity, passphrase, "created", bytes =>
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory)
            FileRights.CreatePrivateDirectory(directory);

        return AtomicFile.TryCreate(path, bytes);
    });

    /// <summary>Puts another identity in the place of the one in the file, in one step: a crash leaves the old file or the new one.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.IdentityFile"/> or <see cref="MesharaErrorCode.Passphrase"/>.</exception>
    public static void Replace(string path, NodeIdentity identity, string? passphrase) => Write(path, identity, passphrase, "replaced", bytes =>
    {
        AtomicFile.Replace(path, bytes);
        return true;
    });

    /// <summary>Before a directory is made for it.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.IdentityFile"/>: nothing is there.</exception>
    public static void CheckIsThere(string path)
    {
        if (!Path.Exists(path))
            throw Error(path, Missing);
    }

    /// <summary>Replacing a link would leave the old key where it points to.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.IdentityFile"/>: it is one.</exception>
    public static void CheckIsNoLink(string path)
    {
        if (new FileInfo(path).LinkTarget is { } target)
            throw Error(path, $"is a link to '{target}', and changing the key would leave the old one there. Name the file itself.");
    }

    /// <summary>The error of a file that cannot be used.</summary>
    public static MesharaException Error(string path, string what, Exception? cause = null) =>
        new(MesharaErrorCode.IdentityFile, $"Identity file '{path}' {what} The file was left as it is.", innerException: cause);

    private static bool Write(string path, NodeIdentity identity, string? passphrase, string done, Func<byte[], bool> write)
    {
        CheckPassphrase(path, passphrase);
        byte[] der = passphrase is null ? identity.Key.ExportPkcs8PrivateKey() : identity.Key.ExportEncryptedPkcs8PrivateKey(passphrase, Encryption);
        char[] pem = PemEncoding.Write(passphrase is null ? Plain : Encrypted, der);
        string successors = string.Concat((identity.Chain?.Records ?? []).Select(r => PemEncoding.WriteString(Successor, r.ToBytes()) + "\n"));
        byte[] bytes = Encoding.ASCII.GetBytes([.. pem, '\n', .. successors]);
        try
        {
            return write(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MesharaException(MesharaErrorCode.IdentityFile, $"Identity file '{path}' could not be {done}: {e.Message}", innerException: e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
            CryptographicOperations.ZeroMemory(bytes);
            Array.Clear(pem);
        }
    }

    private static MesharaException PassphraseError(string path, string what, Exception? cause = null) =>
        new(MesharaErrorCode.Passphrase, $"Identity file '{path}' {what} The file was left as it is.", innerException: cause);

    // An unset variable or an empty file must not pass for a passphrase.
    private static void CheckPassphrase(string path, string? passphrase)
    {
        if (passphrase is { Length: 0 })
            throw PassphraseError(path, "cannot be used with an empty passphrase. Give a passphrase, or none at all for a file that is not encrypted.");
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            if (Directory.Exists(path))
                throw Error(path, $"is a directory. Name a file in it, for example '{Path.Combine(path, "identity.pem")}'.");

            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (FileRights.IsShared(file))
                throw Error(path, $"can be read or changed by other users, so its key may not be yours alone. Run: {FileRights.HowToRestrict(path)}");

            byte[] buffer = new byte[MaxSize + 1];
            int length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            byte[] bytes = buffer[..Math.Min(length, MaxSize)];
            CryptographicOperations.ZeroMemory(buffer);
            return length switch
            {
                0 => throw Error(path, "is empty. Restore it from a backup; or, if this node's id need not live on, delete the file and a new key is made."),
                > MaxSize => throw Error(path, $"is larger than {MaxSize} bytes, so it is no key file. Name another file."),
                _ => bytes,
            };
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Error(path, Missing, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error(path, $"cannot be read: {e.Message} Make it readable for the user who runs this program.", e);
        }
    }

    private static NodeIdentity Parse(string path, ReadOnlySpan<char> text, string? passphrase)
    {
        ReadOnlySpan<char> rest = text, label = default, base64 = default;
        List<SuccessorRecord> records = [];
        while (PemEncoding.TryFind(rest, out PemFields fields))
        {
            if (rest[fields.Label] is Plain or Encrypted or Sec1)
            {
                if (!label.IsEmpty)
                    throw Error(path, "holds more than one private key. Leave the one that is meant.");

                label = rest[fields.Label];
                base64 = rest[fields.Base64Data];
            }

            else if (rest[fields.Label] is Successor)
            {
                records.Add(ReadSuccessor(path, rest[fields.Base64Data]));
            }

            rest = rest[fields.Location.End..];
        }

        // A block that is cut off is none for the reader of PEM: without this a node would forget in silence who it was.
        if (text.Count($"BEGIN {Successor}") != records.Count)
            throw Error(path, Damaged);

        if (label.IsEmpty)
            throw Error(path, WhyNoKey(text));

        byte[] der = new byte[base64.Length];
        try
        {
            bool decoded = Convert.TryFromBase64Chars(base64, der, out int length);
            return decoded ? Import(path, label, der.AsSpan(0, length), passphrase, records) : throw Error(path, Damaged);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    private static SuccessorRecord ReadSuccessor(string path, ReadOnlySpan<char> base64)
    {
        Span<byte> bytes = stackalloc byte[SuccessorRecord.MaxSize];
        return Convert.TryFromBase64Chars(base64, bytes, out int length) && SuccessorRecord.TryParse(bytes[..length]) is { } record
            ? record
            : throw Error(path, Damaged);
    }

    private static string WhyNoKey(ReadOnlySpan<char> text) =>
        text.Contains("Proc-Type:", StringComparison.Ordinal)
            ? "is encrypted in the old format of OpenSSL. Convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out NEWFILE."
            : text.Contains("RSA PRIVATE KEY", StringComparison.Ordinal) ? $"holds an RSA key. {OnlyP256}"
            : text.Contains("OPENSSH PRIVATE KEY", StringComparison.Ordinal) ? $"holds a key of OpenSSH. {OnlyP256}"
            : text.Contains("PRIVATE KEY", StringComparison.Ordinal) ? Damaged
            : text.Contains("-----BEGIN", StringComparison.Ordinal) ? $"holds no private key. {OnlyP256}"
            : $"is not PEM text, or its beginning is damaged. {OnlyP256}";

    private static NodeIdentity Import(string path, ReadOnlySpan<char> label, ReadOnlySpan<byte> der, string? passphrase, IReadOnlyList<SuccessorRecord> records)
    {
        if (label is not Encrypted && passphrase is not null)
        {
            throw PassphraseError(path, "is not encrypted, though a passphrase was given. Give none, or encrypt it: "
                + "openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out NEWFILE.");
        }

        if (label is Encrypted && passphrase is null)
            throw PassphraseError(path, "is encrypted. Give its passphrase.");

        // A DER value that does not fill the PEM block is damage, which no passphrase cures.
        if (!AsnDecoder.TryReadEncodedValue(der, AsnEncodingRules.BER, out _, out _, out _, out int used) || used != der.Length)
            throw Error(path, Damaged);

        ECDsa key = ECDsa.Create();
        try
        {
            if (label is Encrypted)
                key.ImportEncryptedPkcs8PrivateKey(passphrase, der, out _);
            else if (label is Sec1)
                key.ImportECPrivateKey(der, out _);
            else
                key.ImportPkcs8PrivateKey(der, out _);

            NodeIdentity? identity = NodeIdentity.TryAdopt(key, records);
            return identity ?? throw Error(path, $"holds a key on {CurveName(key)}. {OnlyP256}");
        }
        catch (CryptographicException e) when (label is Encrypted)
        {
            key.Dispose();
            throw PassphraseError(path, "could not be decrypted: the passphrase is wrong; or else the file is damaged, holds a key that is not on an elliptic curve, or is not encrypted with PBKDF2.", e);
        }
        catch (CryptographicException e)
        {
            key.Dispose();
            throw Error(path, label is Plain && AlgorithmOf(der) is { } algorithm ? $"holds a key of the kind {algorithm}. {OnlyP256}" : Damaged, e);
        }
        catch (NodeIdentity.SuccessorException e)
        {
            key.Dispose();
            throw Error(path, $"has blocks '{Successor}' that do not lead to its key, one after the other and the oldest first. Restore it from a backup, or remove these blocks: peers that know only an older key do not follow to this one then.", e);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private static string CurveName(ECDsa key)
    {
        ECCurve curve = key.ExportParameters(includePrivateParameters: false).Curve;
        return curve.IsNamed ? $"the curve {curve.Oid.FriendlyName ?? curve.Oid.Value}" : "a curve with explicit parameters";
    }

    // PrivateKeyInfo ::= SEQUENCE { version, SEQUENCE { algorithm OID, parameters }, … }; null where that is P-256 or not to be read.
    private static string? AlgorithmOf(ReadOnlySpan<byte> der)
    {
        try
        {
            AsnReader info = new AsnReader(der.ToArray(), AsnEncodingRules.BER).ReadSequence();
            info.ReadInteger();
            AsnReader algorithm = info.ReadSequence();
            string oid = algorithm.ReadObjectIdentifier();
            string name = new Oid(oid).FriendlyName ?? oid;
            if (oid != "1.2.840.10045.2.1")
                return name;

            bool named = algorithm.HasData && algorithm.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier);
            string curve = named ? algorithm.ReadObjectIdentifier() : "a curve with explicit parameters";
            return curve == "1.2.840.10045.3.1.7" ? null : $"{name} on {new Oid(curve).FriendlyName ?? curve}";
        }
        catch (AsnContentException)
        {
            return null;
        }
    }
}
