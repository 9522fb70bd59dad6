namespace Xenlet.Kernel;

/// <summary>A look at the whole guest from within, without stopping it. Works without Xen too.</summary>
public interface IDiagnostics
{
    /// <summary>All threads, those of the runtime included, as they were at one moment. The calling thread is the first.</summary>
    IReadOnlyList<ThreadReport> ReadThreads();

    /// <summary>Who has the guest's memory.</summary>
    MemoryReport ReadMemory();

    /// <summary>Event channels and grants in use; none without Xen.</summary>
    ConnectionReport ReadConnections();
}
