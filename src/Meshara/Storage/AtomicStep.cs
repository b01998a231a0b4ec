namespace Meshara.Storage;

/// <summary>What <see cref="AtomicFile"/> is about to do.</summary>
internal enum AtomicStep
{
    /// <summary>Nothing is there yet.</summary>
    CreateTemporary,

    /// <summary>The temporary file is empty.</summary>
    Write,

    /// <summary>It holds everything, as far as the system's memory.</summary>
    Flush,

    /// <summary>It is on the disk; the name is still the old file's, or nobody's.</summary>
    Publish,

    /// <summary>The name is the new file's, as far as the system's memory; a new file has its temporary name too.</summary>
    SyncDirectory,
}

/// <summary>Thrown by <see cref="AtomicFile.BeforeStep"/>: the process ended here, so nothing is tidied up.</summary>
internal sealed class KilledException(AtomicStep step) : Exception($"Killed before the step {step}.");
