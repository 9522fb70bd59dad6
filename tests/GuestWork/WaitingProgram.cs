using System.Runtime.InteropServices;

namespace Xenlet.GuestWork;

/// <summary>Programs that wait for a request to end, as .NET programs on Linux do.</summary>
internal static class WaitingProgram
{
    private const int PoolThreads = 4;

    /// <summary><c>blocked</c>: nobody handles SIGTERM, and neither Main nor a thread of the pool ever comes back.
    /// <c>handled</c>: a handler takes the signal for itself, and Main returns.</summary>
    public static int Run(string how)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine("process exit event");
        return how == "handled" ? Handled() : Blocked();
    }

    private static int Handled()
    {
        using ManualResetEventSlim asked = new();
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            asked.Set();
        });
        Console.WriteLine("waiting");
        asked.Wait();
        Console.WriteLine("asked to end");
        return 5;
    }

    private static int Blocked()
    {
        ThreadPool.GetMaxThreads(out _, out int completions);
        ThreadPool.SetMaxThreads(PoolThreads, completions);
        using CountdownEvent blocked = new(PoolThreads);
        for (int thread = 0; thread < PoolThreads; thread++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(_ =>
            {
                blocked.Signal();
                Thread.Sleep(Timeout.Infinite);
            }, null);
        }

        blocked.Wait();
        Console.WriteLine("waiting");
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }
}
