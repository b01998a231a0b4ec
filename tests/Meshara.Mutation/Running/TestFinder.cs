using System.Collections;
using System.Reflection;

namespace Meshara.Mutation.Running;

/// <summary>Finds Facts and Theories by the names of their attributes, in an order that is always the same.</summary>
internal static class TestFinder
{
    /// <summary>The tests of the classes in, or below, some namespaces.</summary>
    /// <param name="assembly">Where they are.</param>
    /// <param name="wanted">Namespaces; after a minus, the beginning of names that are left out.</param>
    public static IReadOnlyList<TestCase> Find(Assembly assembly, IReadOnlyList<string> wanted)
    {
        string[] namespaces = [.. wanted.Where(w => !w.StartsWith('-'))];
        string[] leftOut = [.. wanted.Where(w => w.StartsWith('-')).Select(w => w[1..])];
        List<TestCase> tests = [];
        foreach (Type type in assembly.GetTypes().Where(t => t is { IsClass: true, IsAbstract: false } && namespaces.Any(n => IsIn(t.Namespace, n))).OrderBy(t => t.FullName, StringComparer.Ordinal))
            foreach (MethodInfo method in type.GetMethods().OrderBy(m => m.Name, StringComparer.Ordinal))
                if (!leftOut.Any(start => $"{type.FullName}.{method.Name}".StartsWith(start, StringComparison.Ordinal)))
                    tests.AddRange(Of(type, method));
        return tests;
    }

    private static bool IsIn(string? space, string root) => space is not null && (space == root || space.StartsWith(root + ".", StringComparison.Ordinal));

    private static IEnumerable<TestCase> Of(Type type, MethodInfo method)
    {
        Attribute? mark = method.GetCustomAttributes().FirstOrDefault(a => Named(a, "FactAttribute"));
        if (mark is null || mark.GetType().GetProperty("Skip")?.GetValue(mark) is not null)
            yield break;
        if (!Named(mark, "TheoryAttribute"))
        {
            yield return new TestCase(method, [], -1);
            yield break;
        }

        int row = 0;
        foreach (Attribute source in method.GetCustomAttributes())
            foreach (object?[] arguments in Rows(source, type))
                yield return new TestCase(method, Fill(method, arguments), row++);
    }

    private static bool Named(Attribute attribute, string name)
    {
        for (Type? type = attribute.GetType(); type is not null; type = type.BaseType)
            if (type.Name == name)
                return true;
        return false;
    }

    private static IEnumerable<object?[]> Rows(Attribute source, Type type)
    {
        if (Named(source, "InlineDataAttribute"))
        {
            yield return (object?[])source.GetType().GetProperty("Data")!.GetValue(source)!;
            yield break;
        }

        if (!Named(source, "MemberDataAttribute"))
            yield break;
        Type owner = (Type?)source.GetType().GetProperty("MemberType")!.GetValue(source) ?? type;
        string name = (string)source.GetType().GetProperty("MemberName")!.GetValue(source)!;
        object?[] given = (object?[]?)source.GetType().GetProperty("Arguments")!.GetValue(source) ?? [];
        const BindingFlags Statics = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.FlattenHierarchy;
        object rows = owner.GetProperty(name, Statics)?.GetValue(null)
            ?? owner.GetField(name, Statics)?.GetValue(null)
            ?? owner.GetMethod(name, Statics)!.Invoke(null, given)!;
        foreach (object row in (IEnumerable)rows)
            yield return row as object?[] ?? (object?[])row.GetType().GetInterface("Xunit.ITheoryDataRow")!.GetMethod("GetData")!.Invoke(row, null)!;
    }

    /// <summary>What reflection does not do by itself: defaults, `params`, and an int for a long.</summary>
    private static object?[] Fill(MethodInfo method, object?[] given)
    {
        ParameterInfo[] parameters = method.GetParameters();
        object?[] all = new object?[parameters.Length];
        for (int i = 0; i < all.Length; i++)
        {
            if (parameters[i].IsDefined(typeof(ParamArrayAttribute)) && (i >= given.Length || !parameters[i].ParameterType.IsInstanceOfType(given[i])))
            {
                object?[] rest = [.. given.Skip(i)];
                Array values = Array.CreateInstance(parameters[i].ParameterType.GetElementType()!, rest.Length);
                rest.CopyTo(values, 0);
                all[i] = values;
                continue;
            }

            object? value = i < given.Length ? given[i] : parameters[i].DefaultValue;
            Type wanted = Nullable.GetUnderlyingType(parameters[i].ParameterType) ?? parameters[i].ParameterType;
            all[i] = value is IConvertible && value.GetType() != wanted && wanted.IsPrimitive ? Convert.ChangeType(value, wanted) : value;
        }

        return all;
    }
}
