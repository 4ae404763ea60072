"""The web room: what people and other systems reach over HTTP. Never imports the engine, the pipeline or a plug-in."""
