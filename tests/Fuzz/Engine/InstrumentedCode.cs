using System.Reflection;
using System.Runtime.Loader;
using SharpFuzz;

namespace Xenlet.Fuzz;

/// <summary>
/// Copies of the product's assemblies and of this one, which SharpFuzz has instrumented: the product's types, the nucleus's among them, and
/// those of the namespace <c>Planted</c>.
/// </summary>
internal sealed class InstrumentedCode : AssemblyLoadContext
{
    private const string NucleusPrefix = "Xenlet.Kernel.Nucleus.";
    private const string PlantedPrefix = "Xenlet.Fuzz.Planted.";

    private static readonly Assembly Original = typeof(InstrumentedCode).Assembly;
    private static readonly string[] ProductAssemblies = ["Xenlet.BackEnds", "Xenlet.Drivers", "Xenlet.Net", "Xenlet.XenStoreRing"];

    /// <summary>Types of the nucleus's namespace that are the host's: they run in no image.</summary>
    private static readonly string[] HostTypes =
        ["Machine", "KernelLog", "Panic", "DirectMap", "Image", "LocalApic", "Backtrace", "PanicReport", "ProbeMemory", "PanicException",
            "HostHypercall"];

    private readonly string _directory;
    private readonly bool _countsBlocks;

    /// <param name="directory">Where the copies are made.</param>
    /// <param name="countsBlocks">Whether the copies count basic blocks instead of steps from one to another.</param>
    public InstrumentedCode(string directory, bool countsBlocks)
        : base("instrumented")
    {
        _directory = directory;
        _countsBlocks = countsBlocks;
        Directory.CreateDirectory(directory);
        foreach (string name in ProductAssemblies)
        {
            // Now, not within the first execution.
            LoadFromAssemblyName(new AssemblyName(name));
        }
    }

    /// <summary>A target's routine among the copies.</summary>
    public Action<byte[]> FindRoutine(FuzzTarget target) => LoadFromAssemblyName(Original.GetName())
        .GetType(target.Routine.Method.DeclaringType!.FullName!, throwOnError: true)!
        .GetMethod(target.Routine.Method.Name, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)!
        .CreateDelegate<Action<byte[]>>();

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        string file = Path.Combine(AppContext.BaseDirectory, assemblyName.Name + ".dll");
        if (!assemblyName.Name!.StartsWith("Xenlet.", StringComparison.Ordinal) || !File.Exists(file))
        {
            return null;
        }

        bool isOriginal = assemblyName.Name == Original.GetName().Name;
        if (!isOriginal && !ProductAssemblies.Contains(assemblyName.Name))
        {
            return LoadFromAssemblyPath(file);
        }

        string copy = Path.Combine(_directory, Path.GetFileName(file));
        File.Copy(file, copy, overwrite: true);
        Fuzzer.Instrument(copy, type => !isOriginal || IsToBeInstrumented(type), Options.Value);
        if (_countsBlocks)
        {
            BlockCounts.Rewrite(copy);
        }

        return LoadFromAssemblyPath(copy);
    }

    private static bool IsToBeInstrumented(string type) =>
        type.StartsWith(PlantedPrefix, StringComparison.Ordinal)
        || (type.StartsWith(NucleusPrefix, StringComparison.Ordinal)
            && !HostTypes.Contains(type[NucleusPrefix.Length..].Split('/', '+', '`')[0].Split('.')[^1]));
}
