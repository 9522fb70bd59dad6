using System.Reflection;
using System.Runtime.Loader;
using dnlib.DotNet;
using dnlib.DotNet.Emit;

namespace Xenlet.Tests.SharedMemory;

/// <summary>
/// Copies of this test's assembly and of the product's, in which <see cref="PeerTurn.Take"/> is called before each instruction that may
/// read memory. So two reads of the same place may give different values, wherever the code reads, without any change to its source.
/// </summary>
/// <remarks>
/// Rewritten are the product's assemblies that read shared pages, the nucleus where its sources are part of the test's assembly, and what
/// lies in a namespace <c>Planted</c>. The copies have types and static fields of their own: a test names a static method, which runs
/// among them.
/// </remarks>
internal sealed class RewrittenCode : AssemblyLoadContext
{
    private const string NucleusNamespaces = "Xenlet.Kernel.Nucleus.";
    private const string PlantedNamespace = ".Planted";

    private static readonly string[] ProductAssemblies = ["Xenlet.BackEnds", "Xenlet.Drivers", "Xenlet.XenStoreRing"];
    private static readonly Assembly Original = typeof(PeerTurn).Assembly;
    private static readonly Lazy<Assembly> Copy = new(() => new RewrittenCode().LoadFromAssemblyName(Original.GetName()));

    private RewrittenCode()
        : base("rewritten")
    {
    }

    /// <summary>Runs a static method of the test's assembly in the copies. What it throws comes as it is.</summary>
    /// <param name="method">The method; not a lambda expression.</param>
    /// <param name="arguments">Its arguments, of types of the base library.</param>
    public static object? Run(Delegate method, params object[] arguments) => Copy.Value
        .GetType(method.Method.DeclaringType!.FullName!, throwOnError: true)!
        .GetMethod(method.Method.Name, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!
        .Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        string file = Path.Combine(Path.GetDirectoryName(Original.Location)!, assemblyName.Name + ".dll");
        return !assemblyName.Name!.StartsWith("Xenlet.", StringComparison.Ordinal) || !File.Exists(file) ? null
            : assemblyName.Name == Original.GetName().Name || ProductAssemblies.Contains(assemblyName.Name) ? LoadFromStream(Rewrite(file))
            : LoadFromAssemblyPath(file);
    }

    private static MemoryStream Rewrite(string file)
    {
        using ModuleDefMD module = ModuleDefMD.Load(file, ModuleDef.CreateModuleContext());
        bool isOriginal = module.Assembly.Name == Original.GetName().Name;
        IMethod turn = TurnMethod(module, isOriginal);
        foreach (TypeDef type in module.GetTypes().Where(type => !isOriginal || IsToBeRewritten(type)))
        {
            foreach (MethodDef method in type.Methods.Where(method => method.HasBody))
            {
                Rewrite(method.Body, turn);
            }
        }

        MemoryStream rewritten = new();
        module.Write(rewritten);
        rewritten.Position = 0;
        return rewritten;
    }

    private static void Rewrite(CilBody body, IMethod turn)
    {
        body.SimplifyBranches();
        for (int i = 0; i < body.Instructions.Count; i++)
        {
            // A prefix and its instruction stay together.
            int end = i;
            while (body.Instructions[end].OpCode.OpCodeType == OpCodeType.Prefix)
            {
                end++;
            }

            if (MayRead(body.Instructions[end]))
            {
                // The instruction itself becomes the call, so that whatever branches to it comes to the call first.
                Instruction first = body.Instructions[i];
                body.Instructions.Insert(i + 1, new Instruction(first.OpCode, first.Operand));
                first.OpCode = OpCodes.Call;
                first.Operand = turn;
                end++;
            }

            i = end;
        }
    }

    private static bool MayRead(Instruction instruction) => instruction.OpCode.Code switch
    {
        Code.Ldind_I or Code.Ldind_I1 or Code.Ldind_I2 or Code.Ldind_I4 or Code.Ldind_I8 or Code.Ldind_U1 or Code.Ldind_U2 or Code.Ldind_U4
            or Code.Ldobj or Code.Cpobj or Code.Cpblk => true,

        // A field of a structure behind a pointer.
        Code.Ldfld => ((IField)instruction.Operand).DeclaringType.ResolveTypeDef() is { IsValueType: true },

        // Whatever else reads a page is done by the base library: a copy between spans, Volatile.Read.
        Code.Call or Code.Callvirt or Code.Newobj => ((IMethod)instruction.Operand).DeclaringType?.Scope is AssemblyRef,
        _ => false,
    };

    private static bool IsToBeRewritten(TypeDef type)
    {
        while (type.DeclaringType is { } outer)
        {
            type = outer;
        }

        return type.Namespace.StartsWith(NucleusNamespaces) || type.Namespace.EndsWith(PlantedNamespace);
    }

    private static IMethod TurnMethod(ModuleDefMD module, bool isOriginal)
    {
        if (isOriginal)
        {
            return module.Find(typeof(PeerTurn).FullName, isReflectionName: true).FindMethod(nameof(PeerTurn.Take));
        }

        TypeRefUser type = new(module, typeof(PeerTurn).Namespace, nameof(PeerTurn), new AssemblyRefUser(Original.GetName()));
        return new MemberRefUser(module, nameof(PeerTurn.Take), MethodSig.CreateStatic(module.CorLibTypes.Void), type);
    }
}
