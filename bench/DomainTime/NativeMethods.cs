using System.Runtime.InteropServices;

namespace Xenlet.DomainTime;

/// <summary>libxenstat, as <c>xenstat.h</c> declares it: what xentop takes its figures from.</summary>
internal static partial class NativeMethods
{
    private const string Library = "libxenstat.so.4.17";

    /// <summary>Gives a handle, or null.</summary>
    [LibraryImport(Library, EntryPoint = "xenstat_init")]
    public static partial nint Open();

    /// <summary>Gives what Xen says of all domains at once, or null; no flags ask for nothing beyond that.</summary>
    [LibraryImport(Library, EntryPoint = "xenstat_get_node")]
    public static partial nint GetNode(nint handle, uint flags);

    /// <summary>Gives a domain of a node, or null.</summary>
    [LibraryImport(Library, EntryPoint = "xenstat_node_domain")]
    public static partial nint GetDomain(nint node, uint domain);

    /// <summary>Time that the domain's processors have run, in nanoseconds.</summary>
    [LibraryImport(Library, EntryPoint = "xenstat_domain_cpu_ns")]
    public static partial ulong GetProcessorTime(nint domain);
}
