using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace Meshara.Tests.Tidy;

/// <summary>Names types while a signature is decoded, and notes every outermost type it meets in <paramref name="seen"/>.</summary>
internal sealed class MetadataNames(SortedSet<string> seen) : ISignatureTypeProvider<string, object?>
{
    /// <summary>The full name of the outermost type that holds this one, without the mark of generics.</summary>
    public static string Outermost(MetadataReader reader, TypeDefinitionHandle handle)
    {
        TypeDefinition type = reader.GetTypeDefinition(handle);
        while (!type.GetDeclaringType().IsNil)
        {
            type = reader.GetTypeDefinition(type.GetDeclaringType());
        }

        return FullName(reader, type.Namespace, type.Name);
    }

    /// <summary>The name of a type token; a generic instance also notes its arguments.</summary>
    public string Name(MetadataReader reader, EntityHandle handle) => handle.Kind switch
    {
        HandleKind.TypeDefinition => GetTypeFromDefinition(reader, (TypeDefinitionHandle)handle, 0),
        HandleKind.TypeReference => GetTypeFromReference(reader, (TypeReferenceHandle)handle, 0),
        HandleKind.TypeSpecification => reader.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(this, null),
        HandleKind.MethodDefinition => Name(reader, reader.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType()),
        _ => throw new NotSupportedException($"No type: {handle.Kind}."),
    };

    public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
        Note(Outermost(reader, handle));

    public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
    {
        TypeReference type = reader.GetTypeReference(handle);
        while (type.ResolutionScope.Kind == HandleKind.TypeReference)
        {
            type = reader.GetTypeReference((TypeReferenceHandle)type.ResolutionScope);
        }

        return Note(FullName(reader, type.Namespace, type.Name));
    }

    public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    public string GetPrimitiveType(PrimitiveTypeCode typeCode) => $"System.{typeCode}";

    public string GetArrayType(string elementType, ArrayShape shape) => elementType + "[*]";

    public string GetSZArrayType(string elementType) => elementType + "[]";

    public string GetByReferenceType(string elementType) => elementType + "&";

    public string GetPointerType(string elementType) => elementType + "*";

    public string GetPinnedType(string elementType) => elementType;

    public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

    public string GetFunctionPointerType(MethodSignature<string> signature) => "method";

    public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) => genericType;

    public string GetGenericMethodParameter(object? genericContext, int index) => $"!!{index}";

    public string GetGenericTypeParameter(object? genericContext, int index) => $"!{index}";

    private static string FullName(MetadataReader reader, StringHandle space, StringHandle name)
    {
        string text = reader.GetString(name);
        int mark = text.IndexOf('`', StringComparison.Ordinal);
        text = mark < 0 ? text : text[..mark];
        return space.IsNil ? text : $"{reader.GetString(space)}.{text}";
    }

    private string Note(string name)
    {
        seen.Add(name);
        return name;
    }
}
