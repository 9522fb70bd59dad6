using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <summary>A connection of which only the SYN has come: what is needed to answer again, and to make a connection of it.</summary>
internal sealed class SynRecord
{
    /// <summary>The peer's options.</summary>
    public TcpOptions Options;

    public SynRecord(Action<SynRecord> expired) => Timer = new StackTimer(() => expired(this));

    public Flow Flow { get; set; }

    public TcpListener? Listener { get; set; }

    public SequenceNumber LocalSequence { get; set; }

    public SequenceNumber RemoteSequence { get; set; }

    /// <summary>The peer's window.</summary>
    public ushort Window { get; set; }

    /// <summary>The window that was announced.</summary>
    public ushort LocalWindow { get; set; }

    /// <summary>By how much our windows are shifted.</summary>
    public int LocalScale { get; set; }

    /// <summary>The way back, if the SYN has come by a source route.</summary>
    public SourceRoute? WayBack { get; set; }

    /// <summary>Whether the peer's handshake is complete: for it there is a connection, though there was no room for one here.</summary>
    public bool IsComplete { get; set; }

    /// <summary>How often the answer was sent again.</summary>
    public int Retries { get; set; }

    /// <summary>When it was sent last; 0 when that is not known.</summary>
    public long SentAt { get; set; }

    /// <summary>When it is sent again.</summary>
    public StackTimer Timer { get; }
}
