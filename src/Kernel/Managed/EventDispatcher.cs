using Xenlet.Kernel.Nucleus;

namespace Xenlet.Kernel;

/// <summary>
/// Brings events from the nucleus to their channels. No managed code runs in an interrupt: one background thread waits in the nucleus for any
/// signalled port, and only ends waits, whose continuations run on the thread pool. It starts with the first channel.
/// </summary>
internal sealed class EventDispatcher
{
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, EventChannel> _channels = [];
    private bool _isRunning;

    /// <summary>The ports of all channels, in order.</summary>
    public uint[] Ports
    {
        get
        {
            lock (_gate)
            {
                return [.. _channels.Keys.Order()];
            }
        }
    }

    /// <summary>From now on the channel hears of its port's events.</summary>
    public void Add(EventChannel channel)
    {
        lock (_gate)
        {
            _channels[channel.Port] = channel;
            if (!_isRunning)
            {
                new System.Threading.Thread(Run) { IsBackground = true, Name = "event channels" }.Start();
                _isRunning = true;
            }
        }
    }

    /// <summary>Forgets a port, before it is closed and its number can be another channel's.</summary>
    public void Remove(uint port)
    {
        lock (_gate)
        {
            _channels.Remove(port);
        }
    }

    private void Run()
    {
        while (true)
        {
            long port = NucleusGate.Call(NucleusCall.WaitForEvent);
            if (port == -(long)Errno.EINTR)
            {
                continue;
            }

            if (port < 0)
            {
                throw NucleusAnswer.Error(port, "event channels", "waiting for event channels");
            }

            EventChannel? channel;
            lock (_gate)
            {
                _channels.TryGetValue((uint)port, out channel);
            }

            channel?.OnEvent();
        }
    }
}
