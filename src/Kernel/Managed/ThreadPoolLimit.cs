using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Xenlet.Kernel;

/// <summary>
/// Limits .NET's thread pool to what fits the memory. Its default is 32,767 threads: a pool whose work blocks would grow until no memory is
/// left for anything else.
/// </summary>
internal static class ThreadPoolLimit
{
    /// <summary>
    /// The bytes that a pool thread may need: its stack and the collector's data for it. The pool itself assumes the same.
    /// </summary>
    private const ulong BytesPerThread = 64 << 10;

    private const int Fewest = 16;
    private const int Most = short.MaxValue;

    /// <summary>Lets pool threads use half of the memory available at the start.</summary>
    /// <remarks>
    /// The program's choice wins: the call is refused if a setting of the project or the environment has fixed the number, and a later
    /// <see cref="ThreadPool.SetMaxThreads"/> replaces this limit.
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
