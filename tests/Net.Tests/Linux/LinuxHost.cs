using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Xenlet.Net.Tests.Simulation;

namespace Xenlet.Net.Tests.Linux;

/// <summary>
/// This machine's Linux as the other host of a link: a thread in a network namespace of its own, in which sockets are Linux's, and a stack
/// of ours behind a TAP device.
/// </summary>
internal sealed class LinuxHost : IStackClock
{
    public const string Name = "xenlet0";

    // linux/sched.h: CLONE_NEWNET.
    private const int NewNetwork = 0x4000_0000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly TapLink _link;

    private LinuxHost(TapLink link)
    {
        _link = link;
        Stack = new IpStack(this, new TestRandom(1), TestNetwork.Unprobed);
        Interface = Stack.AddInterface("eth0", link);
        Stack.AddAddress(Interface, TestNetwork.Parse("10.9.0.2"), 24);
        Stack.AddAddress(Interface, TestNetwork.Parse("fd09::2"), 64);
    }

    public IpStack Stack { get; }

    public IpInterface Interface { get; }

    public long Now => Stopwatch.GetTimestamp();

    public DateTime UtcNow => DateTime.UtcNow;

    /// <summary>Runs a test. Linux is 10.9.0.1 and fd09::1, the stack 10.9.0.2 and fd09::2.</summary>
    public static void Run(Action<LinuxHost> test)
    {
        Assert.Equal(1_000_000_000, Stopwatch.Frequency);
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                // The namespace is the thread's alone, and goes with it.
                if (Unshare(NewNetwork) != 0)
                {
                    throw new Win32Exception(Marshal.GetLastPInvokeError(), "a network namespace needs CAP_SYS_ADMIN");
                }

                using TapLink link = new(Name);
                Command("link", "set", "lo", "up");
                Command("addr", "add", "10.9.0.1/24", "dev", Name);
                Command("addr", "add", "fd09::1/64", "dev", Name, "nodad");
                Command("link", "set", Name, "up");
                test(new LinuxHost(link));
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>Runs the stack until something is so.</summary>
    public void WaitFor(string what, Func<bool> isSo)
    {
        long end = Now + (Limit.Ticks * 100);
        while (!isSo())
        {
            Assert.True(Now < end, $"waited {Limit} for {what}");
            if (!Stack.Run())
            {
                _link.Wait(1);
            }
        }
    }

    private static void Command(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {errors}");
    }

    [DllImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static extern int Unshare(int flags);
}
