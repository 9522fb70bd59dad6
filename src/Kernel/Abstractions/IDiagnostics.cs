namespace Xenlet.Kernel;

/// <summary>Inspects the whole guest from within, without stopping it. Works without Xen too.</summary>
public interface IDiagnostics
{
    /// <summary>A snapshot of all threads, including those of the runtime. The calling thread is first.</summary>
    IReadOnlyList<ThreadReport> ReadThreads();

    /// <summary>Who owns the guest's memory.</summary>
    MemoryReport ReadMemory();

    /// <summary>Event channels and grants in use. None without Xen.</summary>
    ConnectionReport ReadConnections();
}
