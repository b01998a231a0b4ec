using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Meshara.Tests.Tidy;

/// <summary>
/// What each type of an assembly refers to, read from its metadata and IL: base types, signatures, attributes, locals, every instruction.
/// Types nested in a type (closures and state machines too) count as that type; only inlined constants stay unseen.
/// </summary>
internal sealed class IlReferences : IDisposable
{
    private static readonly OpCode[] OneByte = new OpCode[256];
    private static readonly OpCode[] TwoByte = new OpCode[256];

    private readonly PEReader _file;
    private readonly MetadataReader _metadata;

    static IlReferences()
    {
        foreach (FieldInfo field in typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static))
        {
            OpCode code = (OpCode)field.GetValue(null)!;
            (code.Size == 1 ? OneByte : TwoByte)[code.Value & 0xFF] = code;
        }
    }

    private IlReferences(Assembly assembly)
    {
        _file = new PEReader(File.OpenRead(assembly.Location));
        _metadata = _file.GetMetadataReader();
    }

    /// <summary>By the full name of the outermost type, sorted: the types it refers to (outermost, full names) and the members it uses.</summary>
    public static SortedDictionary<string, TypeUse> Of(Assembly assembly)
    {
        using IlReferences reader = new(assembly);
        return reader.Read();
    }

    public void Dispose() => _file.Dispose();

    private SortedDictionary<string, TypeUse> Read()
    {
        SortedDictionary<string, TypeUse> all = new(StringComparer.Ordinal);
        foreach (TypeDefinitionHandle handle in _metadata.TypeDefinitions)
        {
            string name = MetadataNames.Outermost(_metadata, handle);
            if (!all.TryGetValue(name, out TypeUse? use))
            {
                all.Add(name, use = new TypeUse());
            }

            ReadType(_metadata.GetTypeDefinition(handle), new MetadataNames(use.Types), use);
        }

        return all;
    }

    private void ReadType(TypeDefinition type, MetadataNames names, TypeUse use)
    {
        Use(type.BaseType, names, use);
        Attributes(type.GetCustomAttributes(), names, use);
        foreach (GenericParameterHandle parameter in type.GetGenericParameters())
        {
            Constraints(parameter, names, use);
        }

        foreach (InterfaceImplementationHandle handle in type.GetInterfaceImplementations())
        {
            Use(_metadata.GetInterfaceImplementation(handle).Interface, names, use);
        }

        foreach (FieldDefinitionHandle handle in type.GetFields())
        {
            FieldDefinition field = _metadata.GetFieldDefinition(handle);
            field.DecodeSignature(names, null);
            Attributes(field.GetCustomAttributes(), names, use);
        }

        foreach (EventDefinitionHandle handle in type.GetEvents())
        {
            Use(_metadata.GetEventDefinition(handle).Type, names, use);
        }

        foreach (MethodDefinitionHandle handle in type.GetMethods())
        {
            ReadMethod(_metadata.GetMethodDefinition(handle), names, use);
        }
    }

    private void ReadMethod(MethodDefinition method, MetadataNames names, TypeUse use)
    {
        method.DecodeSignature(names, null);
        Attributes(method.GetCustomAttributes(), names, use);
        foreach (GenericParameterHandle parameter in method.GetGenericParameters())
        {
            Constraints(parameter, names, use);
        }

        if (method.RelativeVirtualAddress == 0)
        {
            return;
        }

        MethodBodyBlock body = _file.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil)
        {
            _metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(names, null);
        }

        foreach (ExceptionRegion region in body.ExceptionRegions)
        {
            Use(region.CatchType, names, use);
        }

        Instructions(body.GetILReader(), names, use);
    }

    private void Instructions(BlobReader il, MetadataNames names, TypeUse use)
    {
        while (il.RemainingBytes > 0)
        {
            byte first = il.ReadByte();
            OpCode code = first == 0xFE ? TwoByte[il.ReadByte()] : OneByte[first];
            switch (code.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    Use(MetadataTokens.EntityHandle(il.ReadInt32()), names, use);
                    break;
                case OperandType.InlineSwitch:
                    // Read first: a compound assignment would take the offset from before the read.
                    int targets = il.ReadInt32();
                    il.Offset += 4 * targets;
                    break;
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    il.Offset++;
                    break;
                case OperandType.InlineVar:
                    il.Offset += 2;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    il.Offset += 8;
                    break;
                default:
                    il.Offset += 4;
                    break;
            }
        }
    }

    private void Constraints(GenericParameterHandle handle, MetadataNames names, TypeUse use)
    {
        foreach (GenericParameterConstraintHandle constraint in _metadata.GetGenericParameter(handle).GetConstraints())
        {
            Use(_metadata.GetGenericParameterConstraint(constraint).Type, names, use);
        }
    }

    private void Attributes(CustomAttributeHandleCollection attributes, MetadataNames names, TypeUse use)
    {
        foreach (CustomAttributeHandle handle in attributes)
        {
            Use(_metadata.GetCustomAttribute(handle).Constructor, names, use);
        }
    }

    private void Use(EntityHandle handle, MetadataNames names, TypeUse use)
    {
        if (handle.IsNil)
        {
            return;
        }

        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition or HandleKind.TypeReference or HandleKind.TypeSpecification:
                names.Name(_metadata, handle);
                break;
            case HandleKind.MethodDefinition:
                names.Name(_metadata, _metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.FieldDefinition:
                names.Name(_metadata, _metadata.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.MethodSpecification:
                MethodSpecification generic = _metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                generic.DecodeSignature(names, null);
                Use(generic.Method, names, use);
                break;
            case HandleKind.MemberReference:
                use.Members.Add(MemberName(_metadata.GetMemberReference((MemberReferenceHandle)handle), names));
                break;
            default:
                throw new NotSupportedException($"Unexpected token {handle.Kind}.");
        }
    }

    private string MemberName(MemberReference member, MetadataNames names)
    {
        string name = $"{names.Name(_metadata, member.Parent)}::{_metadata.GetString(member.Name)}";
        if (member.GetKind() == MemberReferenceKind.Field)
        {
            member.DecodeFieldSignature(names, null);
            return name;
        }

        ImmutableArray<string> parameters = member.DecodeMethodSignature(names, null).ParameterTypes;
        return $"{name}({string.Join(", ", parameters)})";
    }
}

/// <summary>What one type refers to.</summary>
internal sealed class TypeUse
{
    /// <summary>Outermost types, such as `System.Threading.Tasks.Task`.</summary>
    public SortedSet<string> Types { get; } = new(StringComparer.Ordinal);

    /// <summary>Members of other assemblies, such as `System.Threading.Thread::Sleep(System.Int32)`.</summary>
    public SortedSet<string> Members { get; } = new(StringComparer.Ordinal);
}
