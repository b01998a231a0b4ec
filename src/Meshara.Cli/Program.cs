using Meshara.Cli;

return await App.RunAsync(args, Terminal.OfThisProcess());
