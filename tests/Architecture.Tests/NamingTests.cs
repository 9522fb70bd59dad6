using System.Text.RegularExpressions;
using dnlib.DotNet;

namespace Xenlet.Architecture.Tests;

/// <summary>The laws of names and access that neither the compiler nor its analyzers check.</summary>
public sealed partial class NamingTests
{
    public static TheoryData<string> Assemblies => new(Directory
        .EnumerateFiles(AppContext.BaseDirectory, "Xenlet.*.dll")
        .Select(file => Path.GetFileName(file))
        .Where(name => !name.Contains(".Tests", StringComparison.Ordinal)));

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void A_private_flag_is_named_by_a_verb(string assembly) => Assert.Empty(
        from type in Written(assembly)
        from field in type.Fields
        where field.IsPrivate && field.FieldType.ElementType == ElementType.Boolean && !IsGenerated(field.Name)
            && !Flag().IsMatch(field.Name)
        select $"{type.FullName}.{field.Name} is no _isX, _hasX, or the like");

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void A_lock_is_called_so(string assembly) => Assert.Empty(
        from type in Written(assembly)
        from field in type.Fields
        where field.FieldType.FullName == "System.Threading.Lock" && !IsGenerated(field.Name) && !LockName().IsMatch(field.Name)
        select $"{type.FullName}.{field.Name} is no _lock, _xLock or XLock");

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void A_cancellation_token_is_called_so(string assembly) => Assert.Empty(
        from type in Written(assembly)
        from method in type.Methods
        where !IsGenerated(method.Name)
        from parameter in method.Parameters
        where parameter.Type.FullName == "System.Threading.CancellationToken"
            && parameter.IsNormalMethodParameter && !method.IsSetter
            && !parameter.Name.EndsWith("ancellationToken", StringComparison.Ordinal)
        select $"{type.FullName}.{method.Name}: {parameter.Name}");

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void A_member_of_an_internal_type_is_public_or_private(string assembly) => Assert.Empty(
        from type in Written(assembly)
        where !IsVisible(type)
        from member in type.Methods.Where(method => method.IsAssembly && !IsOverride(method)).Cast<IMemberDef>()
            .Concat(type.Fields.Where(field => field.IsAssembly))
            .Concat(type.NestedTypes.Where(nested => nested.IsNestedAssembly))
        where !IsGenerated(member.Name)
        select $"{member.FullName} is internal, in a type that is");

    /// <summary>The types that have a source, without those that the compiler makes.</summary>
    private static IEnumerable<TypeDef> Written(string assembly) => ModuleDefMD
        .Load(Path.Combine(AppContext.BaseDirectory, assembly))
        .GetTypes()
        .Where(type => type.Namespace.StartsWith("Xenlet") || type.DeclaringType is not null)
        .Where(type => !WithOuter(type).Any(each => IsGenerated(each.Name)));

    private static IEnumerable<TypeDef> WithOuter(TypeDef type)
    {
        for (TypeDef? each = type; each is not null; each = each.DeclaringType)
        {
            yield return each;
        }
    }

    private static bool IsVisible(TypeDef type) => WithOuter(type).All(each => each.IsPublic || each.IsNestedPublic || each.IsNestedFamily);

    /// <summary>Whether a method has the access of the one that it overrides, since it can have no other.</summary>
    private static bool IsOverride(MethodDef method) => method.IsVirtual && !method.IsNewSlot;

    private static bool IsGenerated(UTF8String name) => name.Contains("<");

    [GeneratedRegex("^[s_]*_?(is|are|has|was|can|uses|wants|needs|expects|awaits|covers|yields|takes|says)([A-Z]|$)")]
    private static partial Regex Flag();

    [GeneratedRegex("^(_lock|_[a-z]+[A-Za-z]*Lock|[A-Z][A-Za-z]*Lock)$")]
    private static partial Regex LockName();
}
