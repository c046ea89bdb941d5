"""Controllers at work in a training loop: what they are shown of the model, and the strengths that they set."""
