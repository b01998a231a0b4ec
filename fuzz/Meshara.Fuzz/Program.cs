using Meshara.Fuzz;
using Meshara.Fuzz.Engine;

FuzzTarget Target(string name) => Targets.All.Single(target => target.Name == name);

// What fuzz/run --engine afl asks for.
switch (args)
{
    case ["afl-seeds", var target, var folder]:
        return AflServer.Export(Target(target), folder);
    case ["afl-serve", var target, var page]:
        return AflServer.Serve(target, page);
    case ["afl-work", var target, var page]:
        return AflServer.Work(Target(target), page);
}

EdgeTable? edges = EdgeTable.Load();
if (Options.Read(args, Targets.All.Select(static target => target.Name)) is not { } options)
{
    Console.Error.WriteLine($"{Options.Usage}\ntargets: {string.Join(", ", Targets.All.Select(static target => target.Name))}");
    return 2;
}

if (options.Target == "verdicts")
    return Verdicts.Write();
if (edges is null)
{
    Console.Error.WriteLine("These assemblies are as the compiler wrote them: start fuzz/run, which rewrites copies of them.");
    return 2;
}

if (options.Page is not null)
    return Child.Run(Target(options.Target), options, edges, TimeProvider.System);
Console.WriteLine($"seed {options.Seed}");
return await new Parent(options, TimeProvider.System).RunAsync([.. Targets.All.Select(static target => target.Name).Where(name => options.Target == "all" || options.Target == name)]) == 0 ? 0 : 1;
