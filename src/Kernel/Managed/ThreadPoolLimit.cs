using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Xenlet.Kernel;

/// <summary>
/// Gives .NET's thread pool a limit that fits the memory. Its own is 32,767 threads: a pool whose work blocks would grow until no memory
/// is left for anything else.
/// </summary>
internal static class ThreadPoolLimit
{
    /// <summary>
    /// What a thread of the pool may need, in bytes: its stack and what the collector keeps for it. The pool itself reckons with as much.
    /// </summary>
    private const ulong BytesPerThread = 64 << 10;

    private const int Fewest = 16;
    private const int Most = short.MaxValue;

    /// <summary>Half of the memory that is there at the start may become threads of the pool.</summary>
    /// <remarks>
    /// What the program chose wins: the call is refused when a setting of the project or the environment has fixed the number, and a later
    /// <see cref="ThreadPool.SetMaxThreads"/> takes its place.
    /// </remarks>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The limit must be there before the program uses the pool.")]
    public static void Set()
    {
        ulong bytes = Guest.Read().AvailablePages * Nucleus.Base.Pages.Size / 2;
        int workers = (int)Math.Clamp(bytes / BytesPerThread, Fewest, Most);
        ThreadPool.GetMinThreads(out int fewestWorkers, out _);
        ThreadPool.GetMaxThreads(out _, out int completions);
        ThreadPool.SetMaxThreads(Math.Max(workers, fewestWorkers), completions);
    }
}
