using Xenlet.QemuXen;

namespace Xenlet.Build;

/// <summary>Passes standard input on to a guest's console.</summary>
internal static class ConsoleInput
{
    /// <summary>Ctrl-], which xl's console ends with too.</summary>
    private const byte Escape = 0x1d;

    /// <summary>Ctrl-D, which ends a line at once and, at the beginning of a line, the input.</summary>
    private const byte EndOfTransmission = 0x04;

    /// <summary>Copies until the input ends, and then tells the guest so.</summary>
    /// <param name="input">Read to its end.</param>
    /// <param name="guest">Receives the bytes.</param>
    /// <param name="isTerminal">Whether a person types: then Ctrl-] ends the copy, and the end of the input is the guest's business.</param>
    /// <param name="cancellation">Ends the copy.</param>
    /// <returns>Whether Ctrl-] ended the copy.</returns>
    public static async Task<bool> CopyAsync(Stream input, IGuest guest, bool isTerminal, CancellationToken cancellation)
    {
        byte[] buffer = new byte[4096];
        byte last = (byte)'\n';
        while (true)
        {
            int count = await input.ReadAsync(buffer, cancellation);
            if (count == 0)
            {
                break;
            }

            int escape = isTerminal ? buffer.AsSpan(0, count).IndexOf(Escape) : -1;
            await guest.WriteConsoleAsync(buffer.AsMemory(0, escape < 0 ? count : escape), cancellation);
            if (escape >= 0)
            {
                return true;
            }

            last = buffer[count - 1];
        }

        if (!isTerminal)
        {
            byte[] end = last is (byte)'\n' or (byte)'\r' ? [EndOfTransmission] : [EndOfTransmission, EndOfTransmission];
            await guest.WriteConsoleAsync(end, cancellation);
        }

        return false;
    }
}
