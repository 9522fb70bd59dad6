using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Linux.Signals;

namespace Xenlet.Kernel;

/// <summary>
/// Carries out SIGTERM's default action as .NET programs expect it: <see cref="Environment.Exit"/>, so that exit handlers run. The runtime
/// has no handler of its own, so the program would end at once without them.
/// </summary>
internal static class TerminationListener
{
    // 128 plus the signal's number, as in a shell.
    private const int Status = 128 + SignalNumber.SIGTERM;

    private static readonly Lock StartLock = new();
    private static bool s_isRunning;

    /// <summary>Starts the thread to which the nucleus hands the signal.</summary>
    public static void Start()
    {
        lock (StartLock)
        {
            if (!s_isRunning)
            {
                new System.Threading.Thread(Run) { IsBackground = true, Name = "termination" }.Start();
                s_isRunning = true;
            }
        }
    }

    private static void Run()
    {
        long answer;
        do
        {
            answer = NucleusSystemCall.Invoke(NucleusCall.WaitForTermination);
        }
        while (answer == -Errno.EINTR);

        if (answer < 0)
        {
            throw NucleusError.ToException(answer, "signals", "waiting for the end");
        }

        Environment.Exit(Status);
    }
}
