using System.Net.WebSockets;

namespace Xenlet.Samples.Web;

/// <summary>A WebSocket whose messages come back.</summary>
internal static class Echo
{
    public static void MapEcho(this WebApplication app) => app.Map("/echo", AnswerAsync);

    private static async Task AnswerAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        try
        {
            await EchoAsync(socket, context.RequestAborted);
        }
        catch (WebSocketException)
        {
            // The client has not kept to the protocol, or is gone.
        }
    }

    private static async Task EchoAsync(WebSocket socket, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            WebSocketReceiveResult came = await socket.ReceiveAsync(buffer, cancellationToken);
            if (came.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, cancellationToken);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, came.Count), came.MessageType, came.EndOfMessage, cancellationToken);
        }
    }
}
