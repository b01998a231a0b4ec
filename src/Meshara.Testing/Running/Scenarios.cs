using System.Reflection;
using System.Runtime.Loader;
using System.Text;

namespace Meshara.Testing.Running;

/// <summary>Finds a scenario by its name: a public static method that takes the seed and returns a task.</summary>
internal static class Scenarios
{
    /// <summary>The method <c>Type.Method</c> of an assembly.</summary>
    /// <exception cref="SimulationException">There is none that fits; the message says what is missing.</exception>
    public static Func<int, Task> Load(string assembly, string name)
    {
        int dot = name.LastIndexOf('.');
        Type? type = dot < 0 ? null : AssemblyLoadContext.Default.LoadFromAssemblyPath(Path.GetFullPath(assembly)).GetType(name[..dot]);
        if (type is null)
            throw new SimulationException($"{assembly} has no type for '{name}': a scenario is named Namespace.Type.Method.");

        MethodInfo? method = type.GetMethod(name[(dot + 1)..], BindingFlags.Public | BindingFlags.Static, [typeof(int)]);
        return method is not null && method.ReturnType == typeof(Task)
            ? method.CreateDelegate<Func<int, Task>>()
            : throw NoScenario(name, name[(dot + 1)..]);
    }

    /// <summary>The name under which <see cref="Load"/> finds a method in another process.</summary>
    /// <exception cref="SimulationException">It would not be found there.</exception>
    public static string NameOf(Func<int, Task> scenario)
    {
        MethodInfo method = scenario.Method;
        if (method is { IsStatic: true, IsPublic: true, IsGenericMethod: false } && method.DeclaringType is { IsVisible: true, IsGenericType: false, FullName: { } type } && scenario.GetInvocationList().Length == 1)
            return method.ReturnType == typeof(Task) ? $"{type}.{method.Name}" : throw NoScenario($"{type}.{method.Name}", method.Name);

        throw new SimulationException(
            $"'{method.DeclaringType?.Name}.{method.Name}' cannot be run in a process of its own: a scenario is a public static method of a public class that is not generic, no lambda and no instance method.");
    }

    private static SimulationException NoScenario(string name, string method) => new($"{name} is no scenario: it has to be `public static async Task {method}(int seed)`.");

    /// <summary>The one of these that is meant: <c>two-nodes</c> is the method <c>TwoNodes</c>. Null: none is.</summary>
    public static Func<int, Task>? Find(IReadOnlyList<Func<int, Task>> scenarios, string name) =>
        scenarios.FirstOrDefault(scenario => Title(scenario) == name || scenario.Method.Name == name);

    /// <summary>The method's name with dashes, as it is typed.</summary>
    public static string Title(Func<int, Task> scenario)
    {
        StringBuilder title = new();
        foreach (char c in scenario.Method.Name)
        {
            if (char.IsUpper(c) && title.Length > 0)
                title.Append('-');
            title.Append(char.ToLowerInvariant(c));
        }

        return title.ToString();
    }
}
