using Mono.Cecil;

namespace Meshara.Mutation.Sites;

/// <summary>Which code is not changed: what a compiler wrote, and what only makes text for people.</summary>
internal static class Scope
{
    private static readonly string[] TextMethods = ["ToString", "GetHashCode", "PrintMembers", "Equals", "Describe", "TryFormat"];

    /// <summary>Whether a method is code of ours that decides something.</summary>
    public static bool Wanted(MethodDefinition method)
    {
        bool local = method.Name.Contains("g__", StringComparison.Ordinal) || method.Name.Contains("b__", StringComparison.Ordinal) || method.Name == "MoveNext";
        if (!local && method.CustomAttributes.Any(static a => a.AttributeType.Name is "CompilerGeneratedAttribute" or "GeneratedCodeAttribute"))
            return false;
        string name = NameOf(method);
        name = name[(name.LastIndexOf('.') + 1)..];
        return !TextMethods.Contains(name) && method.DebugInformation.HasSequencePoints;
    }

    /// <summary>Type and method as the source calls them: lambdas, local functions, iterators and async bodies have the name of the method they are in.</summary>
    public static string NameOf(MethodDefinition method)
    {
        string name = Inner(method.Name) ?? method.Name;
        TypeDefinition type = method.DeclaringType;
        while (type.DeclaringType is not null && type.Name.StartsWith('<'))
        {
            if (method.Name == "MoveNext")
                name = Inner(type.Name) ?? name;
            type = type.DeclaringType;
        }

        string typeName = type.Name.Split('`')[0];
        for (TypeDefinition? outer = type.DeclaringType; outer is not null; outer = outer.DeclaringType)
            typeName = outer.Name.Split('`')[0] + "." + typeName;
        return typeName + "." + name.TrimStart('.');
    }

    /// <summary>A call that only writes text or is the compiler's.</summary>
    public static bool IsTextOrPlumbing(MethodReference called)
    {
        string type = called.DeclaringType.FullName, name = called.Name;
        return name is ".ctor" or "Dispose" or "DisposeAsync"
            || (name.StartsWith("set_", StringComparison.Ordinal) && name != "set_Item")
            || name.StartsWith("add_", StringComparison.Ordinal)
            || type.StartsWith("System.Runtime.CompilerServices.", StringComparison.Ordinal)
            || type.StartsWith("System.Text.StringBuilder", StringComparison.Ordinal)
            || type.StartsWith("System.Threading.Monitor", StringComparison.Ordinal)
            || type.StartsWith("System.Runtime.InteropServices.CollectionsMarshal", StringComparison.Ordinal)
            || type.StartsWith("Microsoft.Extensions.Logging.", StringComparison.Ordinal)
            || type.EndsWith(".Log", StringComparison.Ordinal)
            || type.StartsWith("<PrivateImplementationDetails>", StringComparison.Ordinal);
    }

    private static string? Inner(string name)
    {
        int end = name.IndexOf('>', StringComparison.Ordinal);
        return name.StartsWith('<') && end > 1 ? name[1..end] : null;
    }
}
