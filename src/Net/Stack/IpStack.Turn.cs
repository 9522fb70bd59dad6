namespace Xenlet.Net;

/// <content>A turn, whose steps an exception does not keep from each other.</content>
public sealed partial class IpStack
{
    /// <summary>
    /// How many turns in a row may find frames and leave timers alone: enough for what arrives in a pause, and no more, since a flood never
    /// ends.
    /// </summary>
    private const int MostTurnsWithoutTimers = 16;

    private int _turnsWithoutTimers;

    /// <summary>
    /// One turn: takes frames that have arrived, at most <paramref name="mostFrames"/> of each interface, then runs the timers that are
    /// due, and gives waiting frames to links. Frames come first, so that after a pause an answer that has arrived is not taken for lost.
    /// </summary>
    /// <returns>Whether there may be more to take: the caller comes back at once, after whatever else it serves.</returns>
    public bool Run(int mostFrames = 64)
    {
        try
        {
            return TakeAndRun(mostFrames);
        }
        finally
        {
            Clock.Release();
        }
    }

    private bool TakeAndRun(int mostFrames)
    {
        Tcp.BeginBatch();

        // Not foreach: the enumerator would be garbage of each turn. An interface may go while its frames are taken.
        bool hasMore = false;
        IReadOnlyList<IpInterface> interfaces = _layer.Interfaces;
        for (int i = 0; i < interfaces.Count; i++)
        {
            hasMore |= Take(interfaces[i], mostFrames);
        }

        hasMore |= TakeLoopback(mostFrames);
        Tcp.EndBatch();
        if (!hasMore || ++_turnsWithoutTimers == MostTurnsWithoutTimers)
        {
            _turnsWithoutTimers = 0;
            hasMore |= RunTimers();
        }

        bool hasRoomAgain = _layer.Loopback.HasRoomAgain();
        for (int i = 0; i < interfaces.Count; i++)
        {
            hasRoomAgain |= Drain(interfaces[i]);
        }

        if (hasRoomAgain)
        {
            _layer.ForEachTransport(static transport => transport.OnRoom());
        }

        if (_isChanged)
        {
            _isChanged = false;
            Changed?.Invoke();
        }

        return hasMore || !_layer.Loopback.IsEmpty;
    }

    /// <summary>Takes frames of an interface; whether there may be more.</summary>
    private bool Take(IpInterface from, int mostFrames)
    {
        int count = 0;
        try
        {
            while (count < mostFrames && from.Link.TryReceive(Pool) is { } frame)
            {
                Clock.HoldInSeries(count);
                _layer.Input.Receive(from, frame);
                count++;
            }
        }
        catch (Exception error) when (Faulted is not null)
        {
            Faulted(new StackFault(error, from, IsOfConnection: false));
            return true;
        }

        return count == mostFrames;
    }

    /// <summary>Takes packets to ourselves; whether an exception has kept it from the rest.</summary>
    private bool TakeLoopback(int mostPackets)
    {
        try
        {
            if (!_layer.Loopback.IsEmpty)
            {
                Clock.Hold();
            }

            for (int count = 0; count < mostPackets && _layer.Loopback.TryDeliver(); count++)
            {
            }

            return false;
        }
        catch (Exception error) when (Faulted is not null)
        {
            Faulted(new StackFault(error, null, IsOfConnection: false));
            return true;
        }
    }

    /// <summary>Runs the timers that are due; whether an exception has kept it from the rest.</summary>
    private bool RunTimers()
    {
        try
        {
            _layer.Timers.Run(Clock.Now);
            return false;
        }
        catch (Exception error) when (Faulted is not null)
        {
            Faulted(new StackFault(error, null, IsOfConnection: false));
            return true;
        }
    }

    /// <summary>Gives waiting frames to a link; whether senders that it has refused may try again.</summary>
    private bool Drain(IpInterface to)
    {
        try
        {
            return to.Drain();
        }
        catch (Exception error) when (Faulted is not null)
        {
            Faulted(new StackFault(error, to, IsOfConnection: false));
            return false;
        }
    }
}
