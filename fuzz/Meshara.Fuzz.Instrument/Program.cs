using Meshara.Fuzz.Instrument;

// Rewrites copies in place, never what is shipped: FOLDER is a copy of the fuzzer's output.
if (args is not [var folder, ..])
{
    Console.Error.WriteLine("usage: Meshara.Fuzz.Instrument FOLDER");
    return 2;
}

Job job = new(folder);
foreach ((string file, string? only) in ((string, string?)[])[("Meshara.dll", null), ("Meshara.Mdns.dll", null), ("Meshara.Sqlite.dll", null), ("Meshara.Cli.dll", null), ("Meshara.Fuzz.dll", "Meshara.Fuzz.Planted.")])
    job.Rewrite(file, only);
job.WriteTables();
Console.WriteLine(job.Summary);
return 0;
