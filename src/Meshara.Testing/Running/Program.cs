namespace Meshara.Testing.Running;

internal static class Program
{
    public static int Main(string[] args)
    {
        Console.WriteLine(string.Join(' ', args));
        Console.WriteLine(System.Reflection.Assembly.Load("Proof").GetType("Proof.Churning")!.GetMethod("Churn")!.Invoke(null, [1]));
        Console.WriteLine($"{ThreadPool.ThreadCount} {AppContext.TryGetSwitch("System.Runtime.TieredPGO", out bool v)} {v} {System.Runtime.GCSettings.IsServerGC}");
        return 0;
    }
}
