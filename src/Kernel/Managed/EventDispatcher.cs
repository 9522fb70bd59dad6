using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>
/// Brings events from the nucleus to their channels. No managed code runs in an interrupt: one background thread waits in the nucleus for
/// any signalled port, and only ends waits: those of an event loop with what the loop does then, if it is idle, which spares a switch to
/// its thread; all others have the thread pool go on. It starts with the first channel.
/// </summary>
internal sealed class EventDispatcher
{
    private readonly Lock _gate = new();

    // By handle and not by number: a resumed domain gives the numbers out again.
    private readonly Dictionary<long, EventChannel> _channels = [];
    private bool _isRunning;

    /// <summary>The ports of all channels, in order.</summary>
    public uint[] Ports
    {
        get
        {
            lock (_gate)
            {
                uint[] ports = new uint[_channels.Count];
                int count = 0;
                foreach (EventChannel channel in _channels.Values)
                {
                    ports[count++] = channel.Port;
                }

                Array.Sort(ports);
                return ports;
            }
        }
    }

    /// <summary>From now on the channel hears of its port's events.</summary>
    public void Add(EventChannel channel)
    {
        lock (_gate)
        {
            _channels[channel.Handle] = channel;
            if (!_isRunning)
            {
                new System.Threading.Thread(Run) { IsBackground = true, Name = "event channels" }.Start();
                _isRunning = true;
            }
        }
    }

    /// <summary>Forgets a channel, before its port is closed and can be another channel's.</summary>
    public void Remove(EventChannel channel)
    {
        lock (_gate)
        {
            _channels.Remove(channel.Handle);
        }
    }

    /// <summary>The domain was resumed: ends all channels of before.</summary>
    /// <param name="firstHandle">The smallest handle of the generation that began.</param>
    public void OnResumed(long firstHandle)
    {
        List<EventChannel> ended = [];
        lock (_gate)
        {
            foreach (EventChannel channel in _channels.Values)
            {
                if (channel.Handle < firstHandle)
                {
                    ended.Add(channel);
                }
            }

            foreach (EventChannel channel in ended)
            {
                _channels.Remove(channel.Handle);
            }
        }

        // Outside the lock: a channel takes it inside its own.
        foreach (EventChannel channel in ended)
        {
            channel.OnResumed();
        }
    }

    private void Run()
    {
        while (true)
        {
            long handle = NucleusGate.Call(NucleusCall.WaitForEvent);
            if (handle == -Errno.EINTR)
            {
                continue;
            }

            if (handle < 0)
            {
                throw NucleusAnswer.Error(handle, "event channels", "waiting for event channels");
            }

            EventChannel? channel;
            lock (_gate)
            {
                _channels.TryGetValue(handle, out channel);
            }

            channel?.OnEvent();
        }
    }
}
