using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Linux.Signals;

namespace Xenlet.Kernel;

/// <summary>
/// Does for the program what the default action of SIGTERM is to a .NET program: <see cref="Environment.Exit"/>, so that exit handlers run.
/// The runtime has no handler of its own; it would die at once.
/// </summary>
internal static class TerminationListener
{
    // 128 and the signal's number, as a shell says it.
    private const int Status = 128 + SignalNumber.SIGTERM;

    private static readonly Lock Gate = new();
    private static bool s_isRunning;

    /// <summary>From now on the nucleus finds somebody who takes the signal.</summary>
    public static void Start()
    {
        lock (Gate)
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
            answer = NucleusGate.Call(NucleusCall.WaitForTermination);
        }
        while (answer == -Errno.EINTR);

        if (answer < 0)
        {
            throw NucleusAnswer.Error(answer, "signals", "waiting for the end");
        }

        Environment.Exit(Status);
    }
}
