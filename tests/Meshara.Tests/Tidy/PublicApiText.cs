using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Meshara.Tests.Tidy;

/// <summary>The public API of an assembly as sorted text: one block a type, one line a member, in the language's own words.</summary>
internal static class PublicApiText
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static string Of(Assembly assembly)
    {
        IEnumerable<string> blocks = assembly.GetExportedTypes()
            .OrderBy(type => type.FullName, StringComparer.Ordinal)
            .Select(Of);
        return string.Join('\n', blocks);
    }

    public static string Of(Type type)
    {
        StringBuilder text = new();
        text.Append(Header(type)).Append('\n');
        foreach ((_, string line) in Lines(type).OrderBy(line => line.Key, StringComparer.Ordinal).ThenBy(line => line.Line, StringComparer.Ordinal))
        {
            text.Append("    ").Append(line).Append('\n');
        }

        return text.ToString();
    }

    // Each line with what it is sorted by: enum values by value, constructors first, the rest by name.
    private static IEnumerable<(string Key, string Line)> Lines(Type type)
    {
        if (type.IsEnum)
        {
            return type.GetFields(BindingFlags.Public | BindingFlags.Static)
                .Select(field => ($"{Convert.ToInt64(field.GetRawConstantValue()):D20}", $"{field.Name} = {field.GetRawConstantValue()}"));
        }

        return type.IsSubclassOf(typeof(Delegate)) ? [] : Members(type);
    }

    private static IEnumerable<(string Key, string Line)> Members(Type type)
    {
        foreach (ConstructorInfo constructor in type.GetConstructors(Declared).Where(constructor => IsVisible(constructor) && !IsGenerated(constructor)))
        {
            yield return ("", $"{Access(constructor)}{TypeNames.Of(type)}({Parameters(constructor)})");
        }

        foreach (FieldInfo field in type.GetFields(Declared).Where(IsVisible))
        {
            yield return (field.Name, Field(field));
        }

        foreach (PropertyInfo property in type.GetProperties(Declared).Where(property => property.GetAccessors(true).Any(IsVisible) && property.Name != "EqualityContract"))
        {
            yield return (property.Name, Property(property));
        }

        foreach (EventInfo item in type.GetEvents(Declared).Where(item => IsVisible(item.AddMethod!)))
        {
            yield return (item.Name, $"{Modifiers(item.AddMethod!)}event {TypeNames.Of(new NullabilityInfoContext().Create(item))} {item.Name}");
        }

        foreach (MethodInfo method in type.GetMethods(Declared).Where(method => IsVisible(method) && !IsGenerated(method)))
        {
            if (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal))
            {
                yield return (method.Name, Method(method));
            }
        }
    }

    private static string Header(Type type)
    {
        if (type.IsSubclassOf(typeof(Delegate)))
        {
            MethodInfo invoke = type.GetMethod("Invoke")!;
            return $"delegate {TypeNames.Of(new NullabilityInfoContext().Create(invoke.ReturnParameter))} {TypeNames.Full(type)}({Parameters(invoke)})";
        }

        string kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct" : "class";
        if (IsRecord(type))
        {
            kind = type.IsValueType ? "record struct" : "record";
        }

        string modifiers = type.IsAbstract && type.IsSealed ? "static "
            : type.IsInterface || type.IsValueType ? type.IsDefined(typeof(IsReadOnlyAttribute), false) ? "readonly " : ""
            : type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "";
        string[] bases = type.IsEnum ? [TypeNames.Of(Enum.GetUnderlyingType(type))] : Bases(type);
        return $"{modifiers}{kind} {TypeNames.Full(type)}{(bases.Length > 0 ? " : " : "")}{string.Join(", ", bases)}";
    }

    private static string[] Bases(Type type)
    {
        bool plain = type.BaseType is null || type.BaseType == typeof(object) || type.IsValueType;
        IEnumerable<string> interfaces = type.GetInterfaces()
            .Where(item => item.IsVisible && !(IsRecord(type) && item == typeof(IEquatable<>).MakeGenericType(type)))
            .Where(item => type.BaseType?.GetInterfaces().Contains(item) != true)
            .Select(item => TypeNames.Of(item))
            .Order(StringComparer.Ordinal);
        return plain ? [.. interfaces] : [TypeNames.Of(type.BaseType!), .. interfaces];
    }

    private static string Field(FieldInfo field)
    {
        string type = TypeNames.Of(new NullabilityInfoContext().Create(field));
        string modifiers = field.IsLiteral ? "const " : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        string value = field.IsLiteral ? $" = {Constant(field.GetRawConstantValue())}" : "";
        return $"{(field.IsPublic ? "" : "protected ")}{modifiers}{type} {field.Name}{value}";
    }

    private static string Property(PropertyInfo property)
    {
        MethodInfo any = property.GetAccessors(true).First(IsVisible);
        NullabilityInfo nullability = new NullabilityInfoContext().Create(property);
        string index = property.GetIndexParameters().Length > 0 ? $"this[{Parameters(any, property.GetIndexParameters().Length)}]" : property.Name;
        string required = property.IsDefined(typeof(RequiredMemberAttribute), false) ? "required " : "";
        string get = property.GetMethod is MethodInfo getter && IsVisible(getter) ? "get; " : "";
        bool init = property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true;
        string set = property.SetMethod is MethodInfo setter && IsVisible(setter) ? init ? "init; " : "set; " : "";
        return $"{Modifiers(any)}{required}{TypeNames.Of(nullability, written: get.Length == 0)} {index} {{ {get}{set}}}";
    }

    private static string Method(MethodInfo method)
    {
        string generic = method.IsGenericMethodDefinition
            ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>"
            : "";
        string result = TypeNames.Of(new NullabilityInfoContext().Create(method.ReturnParameter), written: false, method.ReturnParameter);
        return $"{Modifiers(method)}{result} {method.Name}{generic}({Parameters(method)})";
    }

    private static string Parameters(MethodBase method, int most = int.MaxValue) =>
        string.Join(", ", method.GetParameters().Take(most).Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        string direction = parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref " : "";
        string many = parameter.IsDefined(typeof(ParamArrayAttribute), false) || parameter.IsDefined(typeof(ParamCollectionAttribute), false) ? "params " : "";
        string type = TypeNames.Of(new NullabilityInfoContext().Create(parameter), written: !parameter.IsOut, parameter);
        bool canBeNull = !parameter.ParameterType.IsValueType || Nullable.GetUnderlyingType(parameter.ParameterType) is not null;
        string value = parameter.HasDefaultValue ? $" = {Constant(parameter.RawDefaultValue, canBeNull)}" : "";
        return $"{many}{direction}{type} {parameter.Name}{value}";
    }

    private static string Constant(object? value, bool canBeNull = true) => value switch
    {
        null => canBeNull ? "null" : "default",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value) ?? "",
    };

    private static string Modifiers(MethodInfo method)
    {
        bool overrides = method.IsVirtual && method.GetBaseDefinition().DeclaringType != method.DeclaringType;
        bool interfaceMember = method.DeclaringType!.IsInterface;
        string dispatch = method.IsStatic ? method.IsAbstract ? "static abstract " : "static "
            : overrides ? "override "
            : method.IsAbstract && !interfaceMember ? "abstract "
            : method.IsVirtual && !method.IsFinal && !interfaceMember ? "virtual " : "";
        return Access(method) + dispatch;
    }

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static bool IsVisible(MethodBase method) =>
        method.IsPublic || (!method.DeclaringType!.IsSealed && (method.IsFamily || method.IsFamilyOrAssembly));

    private static bool IsVisible(FieldInfo field) =>
        field.IsPublic || (!field.DeclaringType!.IsSealed && (field.IsFamily || field.IsFamilyOrAssembly));

    // What the compiler adds to every record goes without saying.
    private static bool IsGenerated(MethodBase method) => method.IsDefined(typeof(CompilerGeneratedAttribute), false);

    private static bool IsRecord(Type type) => type.GetMethod("PrintMembers", Declared)?.IsDefined(typeof(CompilerGeneratedAttribute), false) == true;
}
