namespace Meshara.Cli.Running;

/// <summary>Where the identity's passphrase comes from: a file, the environment, or whoever sits at the terminal.</summary>
internal static class Passphrase
{
    public const string Variable = "MESHARA_PASSPHRASE";

    private const int MostTries = 3;

    /// <summary>Opens an identity with the passphrase that was given; asks for one only if it turns out that one is needed.</summary>
    /// <exception cref="CliException">A passphrase is needed and there is nobody to ask.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled while a pipe was read.</exception>
    public static async Task<T> UseAsync<T>(Terminal terminal, string? file, Func<string?, Task<T>> open, CancellationToken cancellationToken)
    {
        string? given = file is not null ? await SecretFile.ReadAsync(file, "passphrase", terminal, cancellationToken) : Environment.GetEnvironmentVariable(Variable);
        try
        {
            return await open(given);
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.Passphrase && given is null)
        {
            if (terminal.AskSecret is null)
            {
                throw new CliException($"{e.Message} Give it in {Variable}, with --passphrase-file FILE, or at a terminal.", e);
            }
        }

        for (int tries = 1; ; tries++)
        {
            string answer = terminal.AskSecret("Passphrase of the identity: ");
            try
            {
                return await open(answer);
            }
            catch (MesharaException e) when (e.Code == MesharaErrorCode.Passphrase && tries < MostTries)
            {
                terminal.Complain(e.Message);
            }
        }
    }
}
