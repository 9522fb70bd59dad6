using System.Text.Json;
using System.Text.Json.Serialization;

namespace Xenlet.Samples.Web;

/// <summary>What is asked to be added.</summary>
internal sealed record Numbers(int[] Values);

/// <summary>What they add up to.</summary>
internal sealed record Sum(long Total, int Count);

/// <summary>A greeting, and the protocol in which it came.</summary>
internal sealed record Greeting(string Text, string Protocol);

/// <summary>A file that was sent.</summary>
internal sealed record StoredFile(int Number, long Length, string Sha256);

/// <summary>JSON without reflection, which native AOT cannot have.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Numbers))]
[JsonSerializable(typeof(Sum))]
[JsonSerializable(typeof(Greeting))]
[JsonSerializable(typeof(StoredFile))]
internal sealed partial class Json : JsonSerializerContext;
