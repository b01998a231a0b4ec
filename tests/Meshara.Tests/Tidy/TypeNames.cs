using System.Reflection;

namespace Meshara.Tests.Tidy;

/// <summary>Types as the language writes them: `int`, `byte[]`, `IReadOnlyList&lt;string?&gt;`.</summary>
internal static class TypeNames
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(char)] = "char",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(decimal)] = "decimal",
    };

    /// <summary>With namespace and outer types.</summary>
    public static string Full(Type type)
    {
        string prefix = type.DeclaringType is Type outer ? Full(outer) : type.Namespace ?? "";
        return $"{prefix}.{Of(type)}";
    }

    public static string Of(Type type) => Of(type, null, written: false);

    /// <summary>With the `?` of what may be null; <paramref name="written"/>: as seen by who passes a value in.</summary>
    public static string Of(NullabilityInfo info, bool written = false, ParameterInfo? parameter = null) =>
        Of(parameter?.ParameterType ?? info.Type, info, written);

    private static string Of(Type type, NullabilityInfo? info, bool written)
    {
        if (type.IsByRef)
        {
            type = type.GetElementType()!;
        }

        if (Nullable.GetUnderlyingType(type) is Type value)
        {
            return Of(value) + "?";
        }

        NullabilityState state = written ? info?.WriteState ?? default : info?.ReadState ?? default;
        string mark = state == NullabilityState.Nullable && !type.IsValueType ? "?" : "";
        if (type.IsArray)
        {
            return $"{Of(type.GetElementType()!, info?.ElementType, written)}[{new string(',', type.GetArrayRank() - 1)}]{mark}";
        }

        if (Keywords.TryGetValue(type, out string? keyword))
        {
            return keyword + mark;
        }

        string name = type.Name.Split('`')[0];
        if (!type.IsGenericType)
        {
            return name + mark;
        }

        IEnumerable<string> arguments = type.GetGenericArguments()
            .Select((argument, index) => Of(argument, info?.GenericTypeArguments.ElementAtOrDefault(index), written));
        return $"{name}<{string.Join(", ", arguments)}>{mark}";
    }
}
