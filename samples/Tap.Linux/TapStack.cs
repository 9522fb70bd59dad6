using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>A stack over a TAP device, and the loop of the thread that owns it.</summary>
internal sealed class TapStack : IDisposable
{
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(1);

    private readonly LinuxClock _clock = new();
    private readonly TapLink _link;

    /// <param name="name">The TAP device, which is made if there is none.</param>
    /// <param name="options">What the stack's owner decides.</param>
    public TapStack(string name, IpStackOptions? options = null)
    {
        // Locally administered, and not the address of Linux's end, which is random.
        _link = new TapLink(name, new MacAddress([0x02, 0x00, 0x58, 0x4E, 0x4C, 0x54]));
        Stack = new IpStack(_clock, _clock, options);
        Interface = Stack.AddInterface(name, _link);
    }

    public IpStack Stack { get; }

    public IpInterface Interface { get; }

    /// <summary>Drives the stack on the caller's thread.</summary>
    public void Run(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            if (!Stack.Run())
            {
                long rest = Math.Max(Stack.NextDue - _clock.Now, 0);
                _link.Wait(rest > s_longestWait.Ticks * 100 ? s_longestWait : TimeSpan.FromMicroseconds(rest / 1000));
            }
        }
    }

    public void Dispose() => _link.Dispose();
}
