using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>
/// Delivers events from the nucleus to their channels. No managed code runs in an interrupt. Instead, one background thread waits in the
/// nucleus for any signalled port, and ends the channel's wait. If the wait belongs to an idle event loop, this thread also does the loop's
/// resulting work, which saves a switch to the loop's thread; all other waits continue on the thread pool. The thread starts with the first
/// channel.
/// </summary>
internal sealed class EventDispatcher
{
    private readonly Lock _lock = new();

    // By handle, not by number: a resumed domain reuses the numbers.
    private readonly Dictionary<long, EventChannel> _channels = [];
    private bool _isRunning;

    /// <summary>The ports of all channels, in order.</summary>
    public uint[] Ports
    {
        get
        {
            lock (_lock)
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

    /// <summary>Adds a channel, which receives its port's events from now on.</summary>
    public void Add(EventChannel channel)
    {
        lock (_lock)
        {
            _channels[channel.Handle] = channel;
            if (!_isRunning)
            {
                new System.Threading.Thread(Run) { IsBackground = true, Name = "event channels" }.Start();
                _isRunning = true;
            }
        }
    }

    /// <summary>Removes a channel, before its port is closed and can become another channel's.</summary>
    public void Remove(EventChannel channel)
    {
        lock (_lock)
        {
            _channels.Remove(channel.Handle);
        }
    }

    /// <summary>The domain was resumed: ends all channels of earlier generations.</summary>
    /// <param name="firstHandle">The smallest handle of the new generation.</param>
    public void OnResumed(long firstHandle)
    {
        List<EventChannel> ended = [];
        lock (_lock)
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

        // Outside the lock: a channel takes this lock while it holds its own.
        foreach (EventChannel channel in ended)
        {
            channel.OnResumed();
        }
    }

    /// <summary>Delivers an event that another thread has taken from the nucleus, on that thread.</summary>
    public void Deliver(long handle)
    {
        EventChannel? channel;
        lock (_lock)
        {
            _channels.TryGetValue(handle, out channel);
        }

        channel?.OnEvent();
    }

    private void Run()
    {
        while (true)
        {
            long handle = NucleusSystemCall.Invoke(NucleusCall.WaitForEvent);
            if (handle == -Errno.EINTR)
            {
                continue;
            }

            if (handle < 0)
            {
                throw NucleusError.ToException(handle, "event channels", "waiting for event channels");
            }

            Deliver(handle);
        }
    }
}
