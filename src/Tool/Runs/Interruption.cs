using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Xenlet.Tool.Runs;

/// <summary>
/// What signals do to a run: Ctrl-C goes to the guest's console as the key it is, so that the program may end in order, as on Linux. A
/// second one ends the run, as any does before the guest's console is there, and so does SIGTERM.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private const byte ControlC = 3;

    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<byte[]> _keys = Channel.CreateUnbounded<byte[]>();
    private readonly List<PosixSignalRegistration> _registrations;
    private bool _isConsoleOpen;
    private int _interrupts;

    public Interruption() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, 15)),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => Stop(signal, 1)),
    ];

    /// <summary>Ends the run.</summary>
    public CancellationToken Stopped => _stop.Token;

    /// <summary>The number of the signal that ended it, if one did.</summary>
    public int? Signal { get; private set; }

    /// <summary>
    /// What is typed to the guest: the keys of <paramref name="input"/>, if any, and Ctrl-C. It has no end: a guest that reads on waits.
    /// </summary>
    public Stream OpenConsole(Stream? input) => new Keys(this, input);

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _stop.Dispose();
    }

    private void Interrupt(PosixSignalContext signal)
    {
        if (!Volatile.Read(ref _isConsoleOpen) || Interlocked.Increment(ref _interrupts) > 1)
        {
            Stop(signal, 2);
            return;
        }

        signal.Cancel = true;
        _keys.Writer.TryWrite([ControlC]);
    }

    private void Stop(PosixSignalContext signal, int number)
    {
        // A further one has its usual effect.
        signal.Cancel = Signal is null;
        Signal ??= number;
        _stop.Cancel();
    }

    private sealed class Keys(Interruption owner, Stream? input) : Stream
    {
        private bool _isReading;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (!_isReading)
            {
                _isReading = true;
                Volatile.Write(ref owner._isConsoleOpen, true);
                if (input is not null)
                {
                    new Thread(CopyInput) { IsBackground = true, Name = "console input" }.Start();
                }
            }

            byte[] keys = owner._keys.Reader.ReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
            keys.CopyTo(buffer);
            return keys.Length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        private void CopyInput()
        {
            byte[] buffer = new byte[256];
            int count;
            while ((count = input!.Read(buffer)) > 0)
            {
                owner._keys.Writer.TryWrite(buffer[..count]);
            }
        }
    }
}
