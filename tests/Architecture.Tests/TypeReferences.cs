using dnlib.DotNet;
using dnlib.DotNet.Emit;

namespace Xenlet.Architecture.Tests;

/// <summary>
/// Finds every type of the same assembly that a type, or one nested in it, mentions: in declarations, attributes and code.
/// </summary>
internal sealed class TypeReferences
{
    private readonly TypeDef _type;
    private readonly HashSet<TypeDef> _found = [];

    public TypeReferences(TypeDef type)
    {
        _type = type;
        foreach (TypeDef part in WithNested(type))
        {
            AddDeclaration(part);
        }
    }

    /// <summary>The outermost types that are mentioned, without the type itself.</summary>
    public IEnumerable<TypeDef> Found => _found;

    public static IEnumerable<TypeDef> WithNested(TypeDef type) => type.NestedTypes.SelectMany(WithNested).Prepend(type);

    private void AddDeclaration(TypeDef type)
    {
        Add(type.BaseType);
        AddAttributes(type);
        AddParameters(type.GenericParameters);
        foreach (InterfaceImpl implemented in type.Interfaces)
        {
            Add(implemented.Interface);
        }

        foreach (FieldDef field in type.Fields)
        {
            Add(field.FieldType);
            AddAttributes(field);
        }

        foreach (PropertyDef property in type.Properties)
        {
            AddAttributes(property);
        }

        foreach (EventDef raised in type.Events)
        {
            AddAttributes(raised);
        }

        foreach (MethodDef method in type.Methods)
        {
            AddMethod(method);
        }
    }

    private void AddMethod(MethodDef method)
    {
        AddAttributes(method);
        AddParameters(method.GenericParameters);
        AddSignature(method.MethodSig);
        foreach (ParamDef parameter in method.ParamDefs)
        {
            AddAttributes(parameter);
        }

        foreach (MethodOverride overridden in method.Overrides)
        {
            Add(overridden.MethodDeclaration.DeclaringType);
        }

        if (!method.HasBody)
        {
            return;
        }

        foreach (Local local in method.Body.Variables)
        {
            Add(local.Type);
        }

        foreach (ExceptionHandler handler in method.Body.ExceptionHandlers)
        {
            Add(handler.CatchType);
        }

        foreach (Instruction instruction in method.Body.Instructions)
        {
            AddOperand(instruction.Operand);
        }
    }

    private void AddOperand(object operand)
    {
        switch (operand)
        {
            case ITypeDefOrRef type:
                Add(type);
                break;
            case MethodSpec method:
                AddAll(method.GenericInstMethodSig.GenericArguments);
                Add(method.DeclaringType);
                break;
            case IMemberRef member:
                Add(member.DeclaringType);
                break;
        }
    }

    private void AddAttributes(IHasCustomAttribute owner)
    {
        foreach (CustomAttribute attribute in owner.CustomAttributes)
        {
            Add(attribute.AttributeType);
            foreach (CAArgument argument in attribute.ConstructorArguments.Concat(attribute.NamedArguments.Select(named => named.Argument)))
            {
                Add(argument.Type);
                Add(argument.Value as TypeSig);
            }
        }
    }

    private void AddParameters(IEnumerable<GenericParam> parameters)
    {
        foreach (GenericParamConstraint constraint in parameters.SelectMany(parameter => parameter.GenericParamConstraints))
        {
            Add(constraint.Constraint);
        }
    }

    private void AddSignature(MethodBaseSig signature)
    {
        Add(signature.RetType);
        AddAll(signature.Params);
    }

    private void AddAll(IEnumerable<TypeSig> types)
    {
        foreach (TypeSig type in types)
        {
            Add(type);
        }
    }

    private void Add(ITypeDefOrRef? type)
    {
        switch (type)
        {
            case TypeSpec specification:
                Add(specification.TypeSig);
                break;
            case TypeDef definition:
                TypeDef outermost = definition;
                while (outermost.DeclaringType is { } around)
                {
                    outermost = around;
                }

                if (outermost != _type)
                {
                    _found.Add(outermost);
                }

                break;
        }
    }

    private void Add(TypeSig? type)
    {
        switch (type)
        {
            case null:
                break;
            case GenericInstSig instance:
                Add(instance.GenericType.TypeDefOrRef);
                AddAll(instance.GenericArguments);
                break;
            case FnPtrSig pointer:
                AddSignature(pointer.MethodSig);
                break;
            case TypeDefOrRefSig named:
                Add(named.TypeDefOrRef);
                break;
            case ModifierSig modified:
                Add(modified.Modifier);
                Add(modified.Next);
                break;
            default:
                Add(type.Next);
                break;
        }
    }
}
